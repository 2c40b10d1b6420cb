// Package figures turns the samples of a benchmark into what is printed.
package figures

import (
	"fmt"
	"math"
	"slices"
)

// Ratio is how many times the median of others that of samples is.
func Ratio(samples, of []float64) string {
	if len(of) == 0 {
		return "-"
	}
	m, k := Quantile(samples, 0.5), Quantile(of, 0.5)
	switch {
	case m == k:
		return "×1"
	case k == 0:
		return "×∞"
	}
	return "×" + Number(m/k)
}

// Quantile q of samples, between the two that are nearest to it.
func Quantile(samples []float64, q float64) float64 {
	s := slices.Sorted(slices.Values(samples))
	at := q * float64(len(s)-1)
	low := math.Floor(at)
	value := s[int(low)]
	if at > low {
		value += (at - low) * (s[int(low)+1] - value)
	}
	return value
}

// Number has three digits, or all of those before the point.
func Number(v float64) string {
	switch a := math.Abs(v); {
	case v == math.Trunc(v) || a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}
