# keelson: make build, make demo and make test are all that is needed; the latter two install what they use (Debian, root).

GO      ?= go
GOARCH  := $(shell $(GO) env GOARCH)
ARCHES  := amd64 arm64
# -E makes early's few lines of assembly the entry point: without it the binary refuses to work.
LDFLAGS := -s -w -E keelson_entry
IMAGE   ?= keelson
PREFIX  ?= /usr/local

export CGO_ENABLED = 0

.PHONY: build test demo newcomer tour bench layers lint docs image images install clean setup $(ARCHES)

# Beside the binaries it leaves the manual pages and the completions of shells.
build: $(ARCHES)
	@ln -f bin/keelson-linux-$(GOARCH) bin/keelson
	@$(GO) run ./test/docs -o bin bin/keelson

$(ARCHES):
	@mkdir -p bin
	GOOS=linux GOARCH=$@ $(GO) build -trimpath -buildvcs=false -ldflags='$(LDFLAGS)' -o bin/keelson-linux-$@ ./init

setup:
	@test/setup

test: setup build lint layers
	@$(GO) run ./test/count $(GO) test -count=1 -timeout 30m -json $$($(GO) list ./... | grep -v ^keelson/images)

demo: build
	@test/setup demo
	@test/demo

# From a clone to a login by README's first command, timed.
newcomer:
	@test/newcomer

tour: build
	@test/setup tour
	@test/tour

bench: build
	@test/setup bench
	@$(GO) run ./test/bench
	@$(GO) run ./test/bench/managers
	@$(GO) test -run '^$$' -bench . -benchmem -benchtime 10x ./supervise/...

# The imports run one way, and supervise reaches no kernel, goroutine or clock.
layers:
	@$(GO) run ./test/layers

lint:
	@test -z "$$(gofmt -l .)" || { echo "gofmt has something to say of:"; gofmt -l .; exit 1; }
	@$(GO) vet ./...
	@GOARCH=arm64 $(GO) vet ./init/...
	@if command -v shellcheck >/dev/null; then shellcheck -x test/setup test/base-image test/conformance test/convert/probe test/systemctl/image test/demo test/newcomer test/tour test/telling images/build images/base/make-base .ci/run; else echo "shellcheck is missing (test/setup installs it)"; test "$$CI" != true; fi

# What is written of commands and directives, from what the program says of them.
docs: build
	@$(GO) run ./test/docs bin/keelson

install:
	@test -x bin/keelson || { echo "bin/keelson is not there: make build makes it" >&2; exit 1; }
	install -D -m 755 bin/keelson $(DESTDIR)$(PREFIX)/bin/keelson
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 bin/man/man1/*.1
	install -D -m 644 bin/completions/keelson.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/keelson
	install -D -m 644 bin/completions/_keelson $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_keelson
	install -D -m 644 bin/completions/keelson.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/keelson.fish

image: build
	docker build --network host -t $(IMAGE) --build-arg TARGETARCH=$(GOARCH) .

# On BASE=debian:bookworm-slim from a registry, or without one on what images/base/make-base makes.
images: image
	@test/setup images
	@images/build
	@$(GO) run ./test/count $(GO) test -count=1 -timeout 20m -json ./images/...

clean:
	rm -rf bin .cache
