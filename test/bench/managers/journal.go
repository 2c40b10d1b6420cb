package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"keelson/test/bench/figures"
)

// The journal is measured with services that write lines to their stdout: this program, as "talk". A talker opens the FIFO /bench/speak, which blocks until it is
// opened for writing, writes its lines, calls itself "done", and sleeps.
const (
	talkers  = 50
	lineSize = 100 // bytes, with the newline; each is one write(2)
)

func init() {
	runtime.LockOSThread() // the name of a process is that of its first thread
}

func talk(lines string) error {
	n, err := strconv.Atoi(lines)
	if err != nil {
		return err
	}
	// A service has /dev/null or the container's stdin as 0, and its log as 1.
	speak, err := os.Open("/bench/speak")
	if err != nil {
		return err
	}
	speak.Close()
	for i := range n {
		if _, err := os.Stdout.Write(line(i, os.Getpid())); err != nil {
			return err
		}
	}
	if err := os.WriteFile("/proc/self/comm", []byte("done"), 0); err != nil {
		return err
	}
	for {
		unix.Pause()
	}
}

func line(i, pid int) []byte { return fmt.Appendf(nil, "%08d %-*d\n", i, lineSize-10, pid) }

// A logger is a manager with the part of it that keeps what services write.
type logger struct {
	manager
	kept []string // a command in the container that prints how many lines of talkers are kept
}

// journalKept reads the journal with systemd's own journalctl, whoever wrote it.
var journalKept = []string{"sh", "-c", "journalctl --no-pager -o cat -t talk | wc -l"}

func loggers(lines int) []logger {
	talkUnits := func(services int) []file {
		files := units(services)
		for i, f := range files {
			files[i].text = strings.ReplaceAll(f.text, "ExecStart=sleep infinity", fmt.Sprintf("ExecStart=/bench/talk talk %d\nLogRateLimitIntervalSec=0", lines))
		}
		return append(files, file{"journald.conf.d/bench.conf", "[Journal]\nStorage=volatile\nRuntimeMaxUse=2G\nRuntimeKeepFree=1M\nRateLimitIntervalSec=0\n", 0o644})
	}
	talkScripts := func(services int) (files []file) {
		for i := range services {
			dir := fmt.Sprintf("services/s%d/", i)
			files = append(files,
				file{dir + "run", fmt.Sprintf("#!/bin/sh\nexec /bench/talk talk %d\n", lines), 0o755},
				file{dir + "log/run", fmt.Sprintf("#!/bin/sh\nmkdir -p /run/log\nexec s6-log n100 s16777215 t /run/log/s%d\n", i), 0o755})
		}
		return files
	}
	byName := map[string]manager{}
	for _, m := range managers {
		byName[m.name] = m
	}
	own, s6, systemd := byName["keelson"], byName["s6"], byName["systemd"]
	own.config, own.args = talkUnits, []string{"-e", "KEELSON_LOG=none", "--tmpfs", "/run"}
	s6.config, s6.args = talkScripts, []string{"--tmpfs", "/run"}
	systemd.name, systemd.config = "journald", talkUnits
	s6.name = "s6-log"
	return []logger{
		{own, journalKept},
		{s6, []string{"sh", "-c", "cat /run/log/*/* 2>/dev/null | grep -c '^@'"}},
		{systemd, journalKept},
	}
}

// A record is what one logger did with the lines.
type record struct {
	took, used time.Duration
	kept       int
}

func (l logger) measure(ctx context.Context, binary string, lines int) (r record, err error) {
	c, err := newContainer(binary, l.manager, talkers)
	if c != nil {
		defer c.remove()
	}
	if err == nil {
		err = c.addTalk()
	}
	if err == nil {
		err = c.start()
	}
	if err == nil {
		err = c.await(ctx, "talk", talkers, time.Now().Add(patience))
	}
	if err != nil {
		return r, fmt.Errorf("%w\n%s", err, c.logs())
	}
	pause(ctx, settle)
	before, err := c.look(false)
	if err != nil {
		return r, err
	}
	began := time.Now()
	speak, err := os.OpenFile(filepath.Join(c.dir, "speak"), os.O_WRONLY, 0)
	if err != nil {
		return r, err
	}
	defer speak.Close()
	clear(c.services)
	if err := c.await(ctx, "done", talkers, time.Now().Add(patience)); err != nil {
		return r, err
	}
	r.took = time.Since(began)
	pause(ctx, settle) // what is left in the sockets
	after, err := c.look(false)
	if err != nil {
		return r, err
	}
	r.used = after.used - before.used
	out, err := exec.Command("docker", append([]string{"exec", c.name}, l.kept...)...).Output()
	if err != nil {
		return r, fmt.Errorf("%q: %w", l.kept, err)
	}
	r.kept, err = strconv.Atoi(strings.TrimSpace(string(out)))
	return r, err
}

// addTalk gives the container, which waits at its gate, this program and the FIFO.
func (c *container) addTalk() error {
	from, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(filepath.Join(c.dir, "talk"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(to, from); err != nil {
		return errors.Join(err, to.Close())
	}
	if err := to.Close(); err != nil {
		return err
	}
	return os.NewSyscallError("mkfifo", unix.Mkfifo(filepath.Join(c.dir, "speak"), 0o644))
}

// journal compares who keeps what services write.
func journal(ctx context.Context, out io.Writer, binary string, perm func(int) []int, rounds, lines int) error {
	all := loggers(lines)
	left := make([]bool, len(all))
	rates, times, kept := make([][]float64, len(all)), make([][]float64, len(all)), make([][]float64, len(all))
	for range rounds {
		for _, i := range perm(len(all)) {
			if left[i] {
				continue
			}
			r, err := all[i].measure(ctx, binary, lines)
			if ctx.Err() != nil {
				return errors.New("interrupted")
			}
			if err != nil && i == keelson {
				return err
			}
			if err != nil {
				fmt.Fprintf(out, "%s is left out: %v\n", all[i].name, err)
				left[i] = true
				continue
			}
			rates[i] = append(rates[i], float64(r.kept)/max(r.used.Seconds(), 1e-9))
			times[i] = append(times[i], r.took.Seconds()*1000)
			kept[i] = append(kept[i], float64(r.kept))
		}
	}
	fmt.Fprintf(out, "\nlogs: %d services write %d lines of %d bytes each, rounds %d\n"+format, talkers, lines, lineSize, rounds, "")
	for _, l := range all {
		fmt.Fprintf(out, "%13s", l.name)
	}
	for _, row := range []struct {
		name    string
		samples [][]float64
	}{{"lines per second of processor time", rates}, {"until all are written, ms", times}, {"lines kept", kept}} {
		values, ratios := fmt.Sprintf(format, "  "+row.name), fmt.Sprintf(format, "")
		for i := range all {
			value, ratio := "-", "-"
			if len(row.samples[i]) > 0 {
				value = figures.Number(figures.Quantile(row.samples[i], 0.5))
				ratio = figures.Ratio(row.samples[i], row.samples[keelson])
			}
			values += fmt.Sprintf("%13s", value)
			ratios += fmt.Sprintf("%13s", ratio)
		}
		fmt.Fprintf(out, "\n%s\n%s", values, ratios)
	}
	fmt.Fprintln(out)
	return nil
}
