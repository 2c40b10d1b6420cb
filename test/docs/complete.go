package main

import (
	"fmt"
	"regexp"
	"strings"
)

// Completions of shells. What follows an option is told by the word that its help has for it.

// choices are the values of options whose help names them in words only.
var choices = map[string][]string{
	"MODE":   {"private", "slave", "shared"},
	"FORMAT": {"short", "raw", "json", "none"},
	"WHEN":   {"no", "on-success", "on-failure", "on-abnormal", "on-watchdog", "on-abort", "always"},
}

// choice gives the values that an argument may have, if they are few.
func choice(arg string) []string {
	if list := choices[arg]; list != nil {
		return list
	}
	if strings.ToUpper(arg) != arg {
		return strings.Split(arg, "|")
	}
	return nil
}

// What the words behind the options are.
type rest uint8

const (
	restNothing rest = iota
	restCommand      // a command and its arguments
	restUnits
	restPIDs
)

func (h *help) rest() rest {
	switch first := h.Usage[0] + h.partsUsage(); {
	case strings.Contains(first, "UNIT"):
		return restUnits
	case strings.Contains(first, "COMMAND"):
		return restCommand
	case strings.Contains(first, "PID"):
		return restPIDs
	}
	return restNothing
}

// partsUsage is where the overview has the usage of keelson itself.
func (h *help) partsUsage() string {
	if h.Command != "keelson" || len(h.Parts) == 0 || len(h.Parts[0].Lines) == 0 {
		return ""
	}
	return h.Parts[0].Lines[0]
}

// commands are the words that may be keelson's first.
func (d *documentation) commands() []string {
	return append(d.order[1:len(d.order):len(d.order)], "ctl", "journal")
}

const bashHead = `# bash completion for keelson

_keelson() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} word= i=1 flags= valued= rest=
	case ${COMP_WORDS[1]} in
	%s)
		[ "$COMP_CWORD" -gt 1 ] && word=${COMP_WORDS[1]} i=2
		;;
	esac
	case $word in
`

const bashTail = `	esac
	COMPREPLY=()
	# The options end at -- or at the first word that is none.
	while [ "$i" -lt "$COMP_CWORD" ]; do
		case ${COMP_WORDS[i]} in
		--) i=$((i + 1)) && [ "$rest" != units ] || rest=command && break ;;
		-*=*) i=$((i + 1)) ;;
		-*)
			case " $valued " in
			*" ${COMP_WORDS[i]} "*) i=$((i + 2)) ;;
			*) i=$((i + 1)) ;;
			esac
			;;
		*) [ "$rest" = command ] && break || i=$((i + 1)) ;;
		esac
	done
	if [ "$i" -gt "$COMP_CWORD" ]; then
		case $word:$prev in
%s		*) compopt -o default 2>/dev/null ;;
		esac
	elif [ "$i" -lt "$COMP_CWORD" ] || [ "$prev" = -- ]; then
		if declare -F _comp_command_offset >/dev/null; then
			_comp_command_offset "$i"
		elif declare -F _command_offset >/dev/null; then
			_command_offset "$i"
		elif [ "$i" = "$COMP_CWORD" ]; then
			mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		fi
	elif [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$cur")
	else
		case $rest in
		command) mapfile -t COMPREPLY < <(compgen -c -- "$cur") ;;
		units) mapfile -t COMPREPLY < <(compgen -W "$(systemctl list-unit-files --no-legend --plain 2>/dev/null | cut -d' ' -f1)" -- "$cur") ;;
		pids) mapfile -t COMPREPLY < <(compgen -W "$(cd /proc && printf '%%s ' [0-9]*)" -- "$cur") ;;
		esac
		if [ -z "$word" ] && [ "$COMP_CWORD" = 1 ]; then
			mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "%s" -- "$cur")
		fi
	fi
}
complete -F _keelson keelson
`

var restWords = [...]string{restNothing: "", restCommand: "command", restUnits: "units", restPIDs: "pids"}

func (d *documentation) bash() string {
	var b strings.Builder
	fmt.Fprintf(&b, bashHead, strings.Join(d.commands(), "|"))
	var values strings.Builder
	for _, w := range d.order {
		h := d.Helps[w]
		var all, valued []string
		for _, f := range h.flags() {
			all = append(all, f.Name)
			if f.Arg == "" || f.Joined {
				continue
			}
			valued = append(valued, f.Name)
			how := ""
			switch {
			case choice(f.Arg) != nil:
				how = fmt.Sprintf("-W %q", strings.Join(choice(f.Arg), " "))
			case f.Arg == "DIR":
				how = "-d"
			case strings.HasSuffix(f.Arg, "FILE"):
				how = "-f"
			case f.Arg == "SIG":
				how = "-A signal"
			default:
				how = "-W ''"
			}
			fmt.Fprintf(&values, "\t\t%s:%s) mapfile -t COMPREPLY < <(compgen %s -- \"$cur\") ;;\n", w, f.Name, how)
		}
		fmt.Fprintf(&b, "\t'%s')\n\t\tflags='%s'\n\t\tvalued='%s'\n\t\trest=%s\n\t\t;;\n", w, strings.Join(all, " "), strings.Join(valued, " "), restWords[h.rest()])
	}
	fmt.Fprintf(&b, bashTail, values.String(), strings.Join(d.commands(), " "))
	return b.String()
}

// short is the beginning of an option's text, up to what is explained of it.
func short(text string) string {
	if at := regexp.MustCompile(`[;:(\[]|\. `).FindStringIndex(text); at != nil {
		text = text[:at[0]]
	}
	return strings.TrimSpace(text)
}

func quoted(s string) string { return strings.ReplaceAll(s, "'", `'\''`) }

func (d *documentation) zsh() string {
	var b strings.Builder
	b.WriteString("#compdef keelson\n# zsh completion for keelson\n\n_keelson() {\n\tlocal word=\n")
	fmt.Fprintf(&b, "\tif (( CURRENT > 2 )); then\n\t\tcase $words[2] in\n\t\t(%s)\n\t\t\tword=$words[2]\n\t\t\tshift words\n\t\t\t(( CURRENT-- ))\n\t\t\t;;\n\t\tesac\n\tfi\n", strings.Join(d.commands(), "|"))
	fmt.Fprintf(&b, "\tif [[ -z $word && $CURRENT -eq 2 ]]; then\n\t\tlocal -a commands\n\t\tcommands=(%s)\n\t\t_describe command commands\n\tfi\n\tcase $word in\n", strings.Join(d.commands(), " "))
	for _, w := range d.order {
		h := d.Helps[w]
		fmt.Fprintf(&b, "\t('%s')\n\t\t_arguments -S -A '-*'", w)
		for _, f := range h.flags() {
			spec := f.Name
			if f.Joined {
				spec += "=-"
			}
			spec += "[" + strings.NewReplacer("[", `\[`, "]", `\]`, ":", `\:`).Replace(short(f.Text)) + "]"
			if f.Arg != "" {
				action := " "
				switch {
				case choice(f.Arg) != nil:
					action = "(" + strings.Join(choice(f.Arg), " ") + ")"
				case f.Arg == "DIR":
					action = "_files -/"
				case strings.HasSuffix(f.Arg, "FILE"):
					action = "_files"
				case f.Arg == "SIG":
					action = "_signals"
				}
				name := strings.NewReplacer(":", `\:`, "[", "", "]", "").Replace(f.Arg)
				colon := ":"
				if f.Joined {
					colon = "::"
				}
				spec += colon + name + ":" + action
			}
			fmt.Fprintf(&b, " \\\n\t\t\t'%s'", quoted(spec))
		}
		switch h.rest() {
		case restCommand:
			b.WriteString(" \\\n\t\t\t'*::command:_normal'")
		case restUnits:
			b.WriteString(" \\\n\t\t\t'*:unit:($(systemctl list-unit-files --no-legend --plain 2>/dev/null | cut -d\" \" -f1))'")
		case restPIDs:
			b.WriteString(" \\\n\t\t\t'*:process:_pids'")
		}
		b.WriteString("\n\t\t;;\n")
	}
	b.WriteString("\tesac\n}\n\n_keelson \"$@\"\n")
	return b.String()
}

func (d *documentation) fish() string {
	var b strings.Builder
	b.WriteString("# fish completion for keelson\n\n")
	list := strings.Join(d.commands(), " ")
	none := "not __fish_seen_subcommand_from " + list
	fmt.Fprintf(&b, "complete -c keelson -f -n 'test (count (commandline -opc)) -eq 1' -a '%s'\n", list)
	for _, w := range d.order {
		h := d.Helps[w]
		when := none
		if w != "" {
			when = "__fish_seen_subcommand_from " + w
		}
		for _, f := range h.flags() {
			kind, name := "-l", strings.TrimPrefix(f.Name, "--")
			if name == f.Name {
				kind, name = "-s", strings.TrimPrefix(f.Name, "-")
			}
			fmt.Fprintf(&b, "complete -c keelson -n '%s' %s %s", when, kind, name)
			switch {
			case f.Arg == "" || f.Joined:
			case choice(f.Arg) != nil:
				fmt.Fprintf(&b, " -x -a '%s'", strings.Join(choice(f.Arg), " "))
			case f.Arg == "DIR":
				b.WriteString(" -x -a '(__fish_complete_directories)'")
			case strings.HasSuffix(f.Arg, "FILE"):
				b.WriteString(" -r -F")
			default:
				b.WriteString(" -x")
			}
			fmt.Fprintf(&b, " -d '%s'\n", strings.ReplaceAll(short(f.Text), "'", `\'`))
		}
		switch h.rest() {
		case restCommand:
			fmt.Fprintf(&b, "complete -c keelson -n '%s' -x -a '(__fish_complete_subcommand)'\n", when)
		case restUnits:
			fmt.Fprintf(&b, "complete -c keelson -n '%s' -x -a '(systemctl list-unit-files --no-legend --plain 2>/dev/null | string replace -r \" .*\" \"\")'\n", when)
		case restPIDs:
			fmt.Fprintf(&b, "complete -c keelson -n '%s' -x -a '(__fish_complete_pids)'\n", when)
		}
	}
	return b.String()
}
