import { byId, el } from "./dom.js";
import type { Settings } from "./link.js";

interface Snippet {
  title: string;
  code: string;
}

/** Programs that do what this page does, with its address, name and room. */
function snippets({ name, encryption }: Settings, room: string): Snippet[] {
  const { host, origin, protocol } = location;
  const address = `${protocol === "https:" ? "wss" : "ws"}://${host}/ws`;
  const [n, r] = [quoted(name), quoted(room)];
  const sealed = encryption ? "\n  encryption: true," : "";
  const client = `const hearth = new Hearth("${address}", {
  token: { name: ${n} },${sealed}
});
hearth.on("chat", ({ from, text }) => console.log(from, text));
hearth.join(${r});`;
  const message = JSON.stringify({ room, from: "shell", text: "hello" });
  return [
    {
      title: "JavaScript, with a bundler",
      code: `// @hearthws/client is not on npm yet: docs/client.md says how to get it
import { Hearth } from "@hearthws/client";

${client}
hearth.send("publish", {
  room: ${r},
  event: "chat",
  data: { room: ${r}, from: ${n}, text: "hello" },
});
hearth.connect();`,
    },
    {
      title: "JavaScript, in a page",
      code: `<script src="${origin}/client.js"></script>
<script>
${client}
hearth.connect();
</script>`,
    },
    {
      title: "Go, a client",
      code: `package main

import (
	"context"
	"fmt"
	"log"

	"github.com/hearthws/hearth/client"${encryption ? '\n\t"github.com/hearthws/hearth/seal"' : ""}
)

func main() {
	c, err := client.New(client.Options{
		URL:   "${address}",
		Token: ${n},${encryption ? "\n\t\tEncryption: &seal.ClientOptions{}," : ""}
	})
	if err != nil {
		log.Fatal(err)
	}
	c.On("chat", func(m client.Message) { fmt.Printf("%s\\n", m.Data) })
	c.Join(${r})
	ctx := context.Background()
	if _, err := c.Connect(ctx); err != nil {
		log.Fatal(err)
	}
	c.Send(ctx, "publish", map[string]any{
		"room":  ${r},
		"event": "chat",
		"data":  map[string]string{"room": ${r}, "from": ${n}, "text": "hello"},
	})
	select {} // stays, and comes back by itself
}`,
    },
    {
      title: "Go, a server of your own",
      code: `package main

import (
	"context"
	"encoding/json"
	"log"
	"net/http"

	"github.com/hearthws/hearth"
)

func main() {
	server, err := hearth.New(context.Background(), hearth.Options{
		Authenticate: func(_ context.Context, _ *hearth.Client, data json.RawMessage) (hearth.Identity, error) {
			return hearth.Identity{UserID: ${n}}, nil // look at data
		},
		ValidateRooms: func(_ context.Context, _ *hearth.Client, rooms []string) ([]string, error) {
			return rooms, nil // those this client may join
		},
		OnConnect: func(ctx context.Context, c *hearth.Client) error {
			_, err := c.Send("chat", map[string]string{"from": "server", "text": "welcome"})
			return err
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/ws", server)
	log.Fatal(http.ListenAndServe("localhost:8081", nil))
}`,
    },
    {
      title: "Shell, a client",
      code: `hearth connect ${address} --name ${shell(name)} --room ${shell(listed(room))}`,
    },
    {
      title: "Shell, a message to all servers on one Redis",
      code: `hearth emit room ${shell(room)} chat ${shell(message)} --redis redis://localhost:6379`,
    },
  ];
}

const tokens =
  /(?<comment>(?<=^|\s)\/\/[^\n]*)|(?<string>"(?:[^"\\\n]|\\.)*"|'[^'\n]*')|(?<word>\b(?:import|from(?= ")|const|new|package|func|return|if|map|string|error)\b)/g;

/** Code with its comments, strings and key words marked. */
function coloured(code: string): (Node | string)[] {
  const parts: (Node | string)[] = [];
  let end = 0;
  for (const match of code.matchAll(tokens)) {
    const [kind = ""] = Object.entries(match.groups ?? {}).find(([, text]) => text) ?? [];
    parts.push(code.slice(end, match.index), el("span", { class: kind }, match[0]));
    end = match.index + match[0].length;
  }
  return [...parts, code.slice(end)];
}

/** A string of JavaScript, also within a script tag, and of Go. */
function quoted(text: string): string {
  return JSON.stringify(text).replaceAll("<", "\\u003c");
}

/** An entry of a flag that takes several, with commas between them. */
function listed(text: string): string {
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function shell(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Shows the snippets, each with a button that copies it. */
export function showCode(settings: Settings, room: string): void {
  byId("code").replaceChildren(
    ...snippets(settings, room || "lobby").map(({ title, code }) => {
      const copy = el("button", { type: "button", class: "quiet" }, "Copy");
      const pre = el("pre", {}, ...coloured(code));
      pre.tabIndex = 0;
      copy.addEventListener("click", async () => {
        copy.textContent = (await copied(code, pre)) ? "Copied" : "Selected: press Ctrl+C";
      });
      return el("figure", {}, el("figcaption", {}, title, copy), pre);
    }),
  );
}

/** Copies where the browser lets it, which is on secure origins; selects the text elsewhere. */
async function copied(code: string, pre: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(code);
    return true;
  } catch {
    getSelection()?.selectAllChildren(pre);
    return false;
  }
}
