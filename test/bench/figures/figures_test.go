package figures

import "testing"

func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		samples []float64
		q, want float64
	}{
		{[]float64{7}, 0.25, 7},
		{[]float64{3, 1, 2}, 0.5, 2},
		{[]float64{4, 1, 3, 2}, 0.5, 2.5},
		{[]float64{5, 4, 3, 2, 1}, 0.25, 2},
		{[]float64{5, 4, 3, 2, 1}, 1, 5},
	} {
		if got := Quantile(c.samples, c.q); got != c.want {
			t.Errorf("Quantile(%v, %v) = %v, want %v", c.samples, c.q, got, c.want)
		}
	}
}

func TestRatio(t *testing.T) {
	for _, c := range []struct {
		samples, of []float64
		want        string
	}{
		{[]float64{3}, []float64{2}, "×1.50"},
		{[]float64{1, 50, 2}, []float64{8, 1, 0.125}, "×2"}, // by the medians
		{[]float64{0}, []float64{0}, "×1"},                  // neither ever woke
		{[]float64{5}, []float64{0}, "×∞"},
		{[]float64{0}, []float64{5}, "×0"},
	} {
		if got := Ratio(c.samples, c.of); got != c.want {
			t.Errorf("Ratio(%v, %v) = %s, want %s", c.samples, c.of, got, c.want)
		}
	}
}
