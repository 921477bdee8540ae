package serve

import "testing"

func TestStorms(t *testing.T) {
	for _, test := range []struct {
		name        string
		connections []int64
		over        []int // indexes at which a storm is over
	}{
		{"nothing", []int64{0, 0, 0}, nil},
		{"few", []int64{0, 999, 999, 999}, nil},
		{"at once", []int64{1000, 1000, 1000}, []int{1}},
		{"over some time", []int64{0, 4000, 8000, 12000, 12000, 12000}, []int{4}},
		{"fading", []int64{0, 4000, 4500, 4601, 4701, 4750}, []int{4}},
		{"steady", []int64{50000, 50000, 50090, 49990, 50050}, []int{1}},
		{"slow growth", []int64{0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1100}, []int{10}},
		{"twice", []int64{0, 2000, 2000, 4000, 4000}, []int{2, 4}},
		{"away and back", []int64{5000, 5000, 0, 5000, 5000}, []int{1, 4}},
		{"smaller ones", []int64{5000, 5000, 4500, 5400, 5400}, []int{1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var s storms
			want := map[int]bool{}
			for _, i := range test.over {
				want[i] = true
			}
			for i, n := range test.connections {
				if got := s.over(n); got != want[i] {
					t.Errorf("look %d at %d connections: %v", i, n, got)
				}
			}
		})
	}
}
