package applet

// Colour is a terminal's way to show text.
type Colour uint8

// The colours that systemd's programs use.
const (
	Normal Colour = iota
	Underline
	Highlight
	Grey
	HighlightRed
	HighlightGreen
	HighlightYellow
	HighlightBlue
	HighlightMagenta
	Red
	Green
	Yellow
	// NoColour shows text as it is: not even Normal is written.
	NoColour
)

// Palette: the code of each colour, and of its stand-in where only sixteen are to be used.
var palette = [NoColour][2]string{
	Normal:           {"\x1B[0m", "\x1B[0m"},
	Underline:        {"\x1B[0;4m", "\x1B[0;4m"},
	Highlight:        {"\x1B[0;1;39m", "\x1B[0;1;39m"},
	Grey:             {"\x1B[0;38;5;245m", "\x1B[0;90m"},
	HighlightRed:     {"\x1B[0;1;31m", "\x1B[0;1;31m"},
	HighlightGreen:   {"\x1B[0;1;32m", "\x1B[0;1;32m"},
	HighlightYellow:  {"\x1B[0;1;38;5;185m", "\x1B[0;1;33m"},
	HighlightBlue:    {"\x1B[0;1;34m", "\x1B[0;1;34m"},
	HighlightMagenta: {"\x1B[0;1;35m", "\x1B[0;1;35m"},
	Red:              {"\x1B[0;31m", "\x1B[0;31m"},
	Green:            {"\x1B[0;32m", "\x1B[0;32m"},
	Yellow:           {"\x1B[0;33m", "\x1B[0;33m"},
}

type colourMode uint8

const (
	colourUnknown colourMode = iota
	colourOff
	colour16
	colourFull
)

// mode decides about colours: $SYSTEMD_COLORS, then $NO_COLOR, then the terminal (get_color_mode of src/basic/terminal-util.c).
func (h *Host) mode() colourMode {
	if h.colour != colourUnknown {
		return h.colour
	}
	h.colour = colourFull
	switch v, _ := h.Lookupenv("SYSTEMD_COLORS"); v {
	case "16":
		h.colour = colour16
		return h.colour
	case "256":
		return h.colour
	default:
		if on, ok := Boolean(v); ok {
			if !on {
				h.colour = colourOff
			}
			return h.colour
		}
	}
	if _, set := h.Lookupenv("NO_COLOR"); set || h.dumb() {
		h.colour = colourOff
	}
	return h.colour
}

// Coloured tells whether output has colours.
func (h *Host) Coloured() bool { return h.mode() != colourOff }

// Colour is what switches a colour on, "" without colours.
func (h *Host) Colour(c Colour) string {
	if c >= NoColour {
		return ""
	}
	switch h.mode() {
	case colourOff:
		return ""
	case colour16:
		return palette[c][1]
	}
	return palette[c][0]
}

// UnderlinedColour is Colour for a line that is underlined. The Linux console would show that as a colour, and is spared.
func (h *Host) UnderlinedColour(c Colour) string {
	on := h.Colour(c)
	if on == "" || h.Getenv("TERM") == "linux" {
		return on
	}
	return on + palette[Underline][0]
}

// Paint is text in a colour; with NoColour, and without colours, it is the text.
func (h *Host) Paint(c Colour, text string) string {
	on := h.Colour(c)
	if on == "" {
		return text
	}
	return on + text + h.Colour(Normal)
}
