package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// A picture is a chart of lines, both of its axes logarithmic: SVG without
// script or foreign fonts, on a ground of its own, so that it can be read
// whatever page it stands on.
type picture struct {
	title, subtitle, horizontal string
	at                          []float64 // of the points
	ticks                       []string  // what stands below them
	lines                       []line
}

type line struct {
	name  string
	class string // of the style sheet below
	nanos []float64
	wrong []bool // drawn hollow
}

const (
	width, height            = 760, 420
	left, right, top, bottom = 74, 184, 76, 56
)

const style = `
    .ground { fill: #ffffff; stroke: #d0d7de }
    text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #57606a }
    .title { font-size: 17px; font-weight: 600; fill: #1f2328 }
    .grid { stroke: #d8dee4; stroke-width: 1 }
    .line { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round }
    circle { fill: currentColor; stroke: currentColor; stroke-width: 2 }
    circle.wrong { fill: #ffffff }
    text.name { fill: currentColor }
    .ours { color: #0969da } .line.ours { stroke-width: 4 } .name.ours { font-weight: 600 }
    .floor { color: #6e7781 } .line.floor { stroke-dasharray: 2 5 }
    .peer0 { color: #bc4c00 } .peer1 { color: #8250df } .peer2 { color: #1a7f37 } .peer3 { color: #bf3989 }
    @media (prefers-color-scheme: dark) {
      .ground { fill: #0d1117; stroke: #30363d }
      text { fill: #9198a1 }
      .title { fill: #f0f6fc }
      .grid { stroke: #262c36 }
      circle.wrong { fill: #0d1117 }
      .ours { color: #4493f8 }
      .floor { color: #9198a1 }
      .peer0 { color: #f0883e } .peer1 { color: #ab7df8 } .peer2 { color: #3fb950 } .peer3 { color: #db61a2 }
    }
`

func (p *picture) svg() string {
	lowest, highest := math.Inf(1), math.Inf(-1)
	for _, l := range p.lines {
		lowest, highest = min(lowest, slices.Min(l.nanos)), max(highest, slices.Max(l.nanos))
	}
	floor, ceiling := math.Floor(math.Log10(lowest)), math.Ceil(math.Log10(highest))
	x := func(at float64) float64 {
		first, last := math.Log(p.at[0]), math.Log(p.at[len(p.at)-1])
		return left + (math.Log(at)-first)/(last-first)*(width-left-right)
	}
	y := func(nanos float64) float64 {
		return height - bottom - (math.Log10(nanos)-floor)/(ceiling-floor)*(height-top-bottom)
	}

	subtitle := p.subtitle
	if slices.ContainsFunc(p.lines, func(l line) bool { return slices.Contains(l.wrong, true) }) {
		subtitle += "; hollow: a wrong response"
	}

	var w strings.Builder
	fmt.Fprintf(&w, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\" aria-labelledby=\"title\">\n", width, height, width, height)
	fmt.Fprintf(&w, "  <title id=\"title\">%s: %s</title>\n  <style>%s  </style>\n", p.title, subtitle, style)
	fmt.Fprintf(&w, "  <rect class=\"ground\" x=\"0.5\" y=\"0.5\" width=\"%d\" height=\"%d\" rx=\"8\"/>\n", width-1, height-1)
	fmt.Fprintf(&w, "  <text class=\"title\" x=\"20\" y=\"32\">%s</text>\n  <text x=\"20\" y=\"53\">%s</text>\n", p.title, subtitle)
	for power := floor; power <= ceiling; power++ {
		nanos := math.Pow(10, power)
		fmt.Fprintf(&w, "  <path class=\"grid\" d=\"M%d %.1fH%d\"/>\n", left, y(nanos), width-right)
		fmt.Fprintf(&w, "  <text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", left-10, y(nanos)+4.5, powerOfTen(nanos))
	}
	for i, tick := range p.ticks {
		fmt.Fprintf(&w, "  <text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", x(p.at[i]), height-bottom+21, tick)
	}
	fmt.Fprintf(&w, "  <text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", (left+width-right)/2, height-14, p.horizontal)
	for _, l := range slices.Backward(p.lines) { // ours on top
		path := "M"
		for i, nanos := range l.nanos {
			if i > 0 {
				path += "L"
			}
			path += fmt.Sprintf("%.1f %.1f", x(p.at[i]), y(nanos))
		}
		fmt.Fprintf(&w, "  <path class=\"line %s\" d=\"%s\"/>\n", l.class, path)
		for i, nanos := range l.nanos {
			class := l.class
			if l.wrong[i] {
				class += " wrong"
			}
			fmt.Fprintf(&w, "  <circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>\n", class, x(p.at[i]), y(nanos))
		}
	}
	// The names stand at the ends of their lines, one below the other.
	byEnd := slices.Clone(p.lines)
	end := func(l line) float64 { return y(l.nanos[len(l.nanos)-1]) }
	slices.SortStableFunc(byEnd, func(a, b line) int { return cmp.Compare(end(b), end(a)) })
	above := math.Inf(1)
	for _, l := range byEnd {
		at := min(end(l)+4.5, above-17)
		above = at
		fmt.Fprintf(&w, "  <text class=\"name %s\" x=\"%d\" y=\"%.1f\">%s %s</text>\n", l.class, width-right+12, at, l.name, nanos(l.nanos[len(l.nanos)-1]))
	}
	w.WriteString("</svg>\n")
	return w.String()
}

func powerOfTen(f float64) string {
	switch {
	case f >= 1e6:
		return fmt.Sprintf("%.0f ms", f/1e6)
	case f >= 1e3:
		return fmt.Sprintf("%.0f µs", f/1e3)
	}
	return fmt.Sprintf("%.0f ns", f)
}
