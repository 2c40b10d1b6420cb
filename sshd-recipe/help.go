package sshdrecipe

import (
	"fmt"
	"strings"
)

const helpHead = `keelson sshd [OPTIONS]

Makes a container ready for the image's own sshd and runs it: host keys where they are missing, users, keys and passwords from options, environment,
secrets and mounted folders, and a configuration that lets nobody in by accident. Logins and refusals go to the container's output. On
stop the sessions are told, and closed.

`

const helpTail = `
A variable NAME may be given as NAME_FILE, a file with the value. Of the secrets it reads %s/ssh_users, ssh_authorized_keys,
ssh_authorized_keys_USER and ssh_passwords.

Nobody gets in by default. There are three ways:
%s
Exit status: 0 after a stop, 125 where nothing was started, otherwise sshd's.
`

// Ways are what a refusal tells: how to give somebody a way in.
var Ways = []string{
	"a key: -e SSH_AUTHORIZED_KEYS=\"$(cat ~/.ssh/id_ed25519.pub)\"   (root, or the users of SSH_USERS=NAME:UID:GID)",
	"a folder of keys: -v ./keys:/etc/authorized_keys:ro, with a file for each user",
	"a password: a secret ssh_passwords, or SSH_PASSWORDS_FILE, with lines USER:HASH (openssl passwd -6 makes a HASH)",
}

// width of the help's text.
const width = 110

// Help is the text of --help.
func Help() string {
	var b strings.Builder
	b.WriteString(helpHead)
	for _, table := range [][]Setting{Settings, Actions} {
		for _, s := range table {
			what := s.Text
			if s.Default != "" {
				what += " (default: " + s.Default + ")"
			}
			if s.Env != "" {
				what += " [$" + s.Env + "]"
			}
			head := "  " + s.synopsis()
			if len([]rune(head)) > 26 {
				b.WriteString(head + "\n")
				head = ""
			}
			for _, line := range wrap(what, width-28) {
				fmt.Fprintf(&b, "%s%s%s\n", head, strings.Repeat(" ", 28-len([]rune(head))), line)
				head = ""
			}
		}
		if table[0].Env != "" {
			b.WriteString("\nInstead of running sshd:\n")
		}
	}
	fmt.Fprintf(&b, helpTail, SecretsFolder, "  "+strings.Join(Ways, "\n  "))
	return b.String()
}

func (s Setting) synopsis() string {
	switch s.Form {
	case Switch:
		return "--" + s.Flag
	case Optional:
		return "--" + s.Flag + "[=" + s.Value + "]"
	}
	return "--" + s.Flag + " " + s.Value
}

func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// Markdown is the table of settings for the README.
func Markdown() string {
	var b strings.Builder
	b.WriteString("| option | variable | default | |\n|---|---|---|---|\n")
	cell := strings.NewReplacer("|", "\\|").Replace
	for _, s := range Settings {
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", cell(s.synopsis()), s.Env, cell(s.Default), cell(s.Text))
	}
	for _, s := range Actions {
		fmt.Fprintf(&b, "| `%s` | | | %s |\n", s.synopsis(), cell(s.Text))
	}
	return b.String()
}
