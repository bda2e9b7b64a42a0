# kick: OTP supervision trees for ordinary Unix processes. "make help" lists targets.

VERSION := 0.1.0

# --- what the user may set ----------------------------------------------------------
CC      ?= cc
CFLAGS  ?= -O2 -g
PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
LIBDIR  ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR  ?= $(PREFIX)/share/man
DOCDIR  ?= $(PREFIX)/share/doc/kick
UNITDIR ?= $(PREFIX)/lib/systemd/system
# VARIANT: release, or what "make sanitize" and "make coverage" build with.
VARIANT ?= release
# DEV=1: warnings are errors. Always so in our own checks.
DEV     ?=
# T=pattern: only tests whose suite/name matches. J=n: how many at once.
T       ?=
J       ?= 2

# --- flags --------------------------------------------------------------------------
WARN := -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wcast-qual \
	-Wpointer-arith -Wwrite-strings -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wundef -Wvla -Wformat=2 -Wswitch-enum \
	-Wnull-dereference -Wdouble-promotion -Wno-format-nonliteral
GCC_WARN := -Wformat-signedness -Wimplicit-fallthrough=5 \
	-Wduplicated-cond -Wno-null-dereference
IS_CLANG := $(findstring clang,$(shell $(CC) --version 2>/dev/null | head -n 1))
WARN += $(if $(IS_CLANG),-Wimplicit-fallthrough,$(GCC_WARN))
WARN += $(if $(filter 1,$(DEV)),-Werror)

HARDEN_release := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong
FLAGS_asan := -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
FLAGS_cov  := --coverage -O0

CPP := -D_GNU_SOURCE -DKICK_VERSION='"$(VERSION)"' -Ilib $(CPPFLAGS)
C    = -std=gnu17 $(WARN) $(HARDEN_$(VARIANT)) -fno-common -fPIC \
	$(CFLAGS) $(FLAGS_$(VARIANT))
LD  = -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed $(FLAGS_$(VARIANT)) \
	$(LDFLAGS)

# --- sources ------------------------------------------------------------------------
LIB_SOURCES    := $(sort $(wildcard lib/*/*.c))
KICKD_SOURCES  := $(sort $(wildcard cmd/kickd/*.c))
KICK_SOURCES   := $(sort $(wildcard cmd/kick/*.c))
SERVY_SOURCES  := $(sort $(wildcard cmd/servy/*.c))
UNIT_SOURCES   := $(sort $(wildcard tests/unit/*.c tests/support/*.c))
IT_SOURCES     := $(sort $(wildcard tests/it/*.c))
MODEL_SOURCES  := $(sort $(wildcard tests/model/*.c))
HELPER_SOURCES := $(sort $(wildcard tests/helper/*.c))
SAMPLE_SOURCES := $(sort $(wildcard tests/samples/*.c))
BENCH_SOURCES  := $(sort $(wildcard tests/bench/*.c))
# What of kickd can be tested without a process.
KICKD_PURE     := cmd/kickd/verdict.c

OUT := $(if $(filter release,$(VARIANT)),build,build/$(VARIANT))
OBJ := $(OUT)/obj
objs = $(patsubst %.c,$(OBJ)/%.o,$(1))

LIB_OBJS   := $(call objs,$(LIB_SOURCES))
PROGRAMS   := $(OUT)/kickd $(OUT)/kick $(OUT)/servy
UNIT_TEST  := $(OUT)/unit
IT_TEST    := $(OUT)/it
MODEL_TEST := $(OUT)/model
HELPER     := $(OUT)/helper
SAMPLES    := $(patsubst tests/samples/%.c,$(OUT)/samples/%,$(SAMPLE_SOURCES))
ALL_OBJS   := $(call objs,$(LIB_SOURCES) $(KICKD_SOURCES) $(KICK_SOURCES) \
	$(SERVY_SOURCES) $(UNIT_SOURCES) $(IT_SOURCES) $(MODEL_SOURCES) \
	$(HELPER_SOURCES) $(SAMPLE_SOURCES) $(BENCH_SOURCES))

.DELETE_ON_ERROR:
.PHONY: all help run deps test check unit it model examples fuzz sanitize lint \
	format format-check tidy coverage bench install uninstall image-root dist clean

all: $(PROGRAMS) $(OUT)/libkick.a $(OUT)/libkick.so ## build everything (the default)

$(OUT)/libkick.a: $(LIB_OBJS)
	@echo "  AR    $@"
	@rm -f $@
	@ar rcs $@ $^

$(OUT)/libkick.so: $(LIB_OBJS) lib/kick.map
	@echo "  LD    $@"
	@$(CC) -shared -Wl,-soname,libkick.so.0 -Wl,--version-script=lib/kick.map -o $@ \
		$(LIB_OBJS) $(LD) -lcjson -lm

$(OUT)/kickd: $(call objs,$(KICKD_SOURCES)) $(OUT)/libkick.a
	@echo "  LD    $@"
	@$(CC) -pie -o $@ $^ $(LD) -lcjson -lm

$(OUT)/kick: $(call objs,$(KICK_SOURCES)) $(OUT)/libkick.a
	@echo "  LD    $@"
	@$(CC) -pie -o $@ $^ $(LD) -lcjson -lm

$(OUT)/servy: $(call objs,$(SERVY_SOURCES)) $(OUT)/libkick.a
	@echo "  LD    $@"
	@$(CC) -pie -o $@ $^ $(LD) -lmicrohttpd -lcjson -lm

$(OUT)/helper: $(call objs,$(HELPER_SOURCES))
	@echo "  LD    $@"
	@$(CC) -pie -o $@ $^ $(LD)

$(UNIT_TEST): $(call objs,$(UNIT_SOURCES) $(KICKD_PURE)) \
		$(call objs,$(filter-out %/main.c,$(KICK_SOURCES))) $(OUT)/libkick.a
	@echo "  LD    $@"
	@$(CC) -pie -o $@ $^ $(LD) -lcjson -lcriterion -lm

$(IT_TEST): $(call objs,$(IT_SOURCES)) $(OUT)/libkick.a
	@echo "  LD    $@"
	@$(CC) -pie -o $@ $^ $(LD) -lcjson -lcriterion -lm

$(MODEL_TEST): $(call objs,$(MODEL_SOURCES)) $(OUT)/libkick.a
	@echo "  LD    $@"
	@$(CC) -pie -o $@ $^ $(LD) -lm

$(SAMPLES): $(OUT)/samples/%: $(OBJ)/tests/samples/%.o $(OUT)/libkick.a
	@echo "  LD    $@"
	@mkdir -p $(@D)
	@$(CC) -pie -o $@ $^ $(LD) -lcjson -lm

# Runs in a child that shares our memory and never returns: its stack frames would stay
# poisoned for the next one.
$(OBJ)/lib/os/preexec.o $(OBJ)/lib/os/preattrs.o: FLAGS_asan :=
# Shows what a program gets from kick; a sanitizer's own handlers would hide it.
$(OBJ)/tests/helper/%.o $(OUT)/helper: FLAGS_asan :=
# So that what it needs while it waits is all in one place.
$(OBJ)/cmd/kickd/command.o: CFLAGS += -fno-plt
$(OBJ)/cmd/kickd/%.o: CPP += -Icmd/kickd
$(OBJ)/cmd/kick/%.o: CPP += -Icmd/kick
$(OBJ)/cmd/servy/%.o: CPP += -Icmd/servy
$(OBJ)/tests/%.o: CPP += -Icmd/kickd -Icmd/kick -Itests
$(OBJ)/%.o: %.c
	@echo "  CC    $<"
	@mkdir -p $(@D)
	@$(CC) $(CPP) $(C) -MMD -MP -c -o $@ $<

-include $(ALL_OBJS:.o=.d)

# --- the two commands of the README -------------------------------------------------
deps: ## install the Debian packages that are missing
	@sh .ci/deps

run: deps ## build and run sample.json in the foreground
	@$(MAKE) --no-print-directory all
	$(OUT)/kickd sample.json

test: deps ## install what is missing, then run all tests
	@$(MAKE) --no-print-directory DEV=1 check

# --- tests --------------------------------------------------------------------------
check: all $(UNIT_TEST) $(IT_TEST) $(MODEL_TEST) $(HELPER) $(SAMPLES) ## run all tests
	@OUT=$(OUT) T='$(T)' J=$(J) sh tests/run

unit: all $(UNIT_TEST) $(SAMPLES) ## run the unit tests only
	@OUT=$(OUT) T='$(T)' J=$(J) ONLY=unit sh tests/run

it: all $(IT_TEST) $(HELPER) ## run the integration tests only
	@OUT=$(OUT) T='$(T)' J=$(J) ONLY=it sh tests/run

model: all $(MODEL_TEST) ## run the model test only
	@OUT=$(OUT) ONLY=model sh tests/run

examples: all ## test the image, the unit and the examples only
	@OUT=$(OUT) ONLY=examples sh tests/run

fuzz: $(OUT)/fuzz_config ## run the configuration's fuzzer over its corpus
	@$(OUT)/fuzz_config tests/data/good/*.json tests/data/bad/*.json >/dev/null && \
		echo "fuzz: every file was read or refused"

$(OUT)/fuzz_config: $(OBJ)/tests/fuzz/fuzz_config.o $(OUT)/libkick.a
	@echo "  LD    $@"
	@$(CC) -pie -o $@ $^ $(LD) -lcjson -lm

sanitize: ## run all tests under AddressSanitizer and UBSan
	@$(MAKE) --no-print-directory VARIANT=asan DEV=1 check

coverage: ## run all tests, print the line coverage of each file
	@$(MAKE) --no-print-directory VARIANT=cov check
	@sh tests/coverage build/cov

lint: ## layers, symbols, documents, man pages, shell
	@sh tests/lint/run

FORMATTED = $(shell git ls-files '*.c' '*.h')
format: ## clang-format in place
	@clang-format -i $(FORMATTED)

format-check: ## is everything formatted?
	@clang-format --dry-run -Werror $(FORMATTED)

TIDIED = $(LIB_SOURCES) $(KICKD_SOURCES) $(KICK_SOURCES)
tidy: ## clang-tidy and cppcheck: no finding is left
	@echo "  TIDY  lib cmd/kickd cmd/kick"
	@printf '%s\n' $(TIDIED) | xargs -P $(J) -I {} clang-tidy --quiet {} -- \
		-std=gnu17 -fno-caret-diagnostics $(CPP) -Icmd/kickd -Icmd/kick
	@echo "  CHECK lib cmd"
	@cppcheck --quiet --enable=warning,portability --error-exitcode=1 \
		--library=.cppcheck/macros.cfg --suppressions-list=.cppcheck/suppressed \
		-Ilib -D_GNU_SOURCE lib cmd

# Small and without libraries: they are what kick is measured with.
BENCH_STATIC := $(addprefix $(OUT)/,floor svc web client init orphans)
bench: all $(BENCH_STATIC) $(OUT)/actors ## measure against the bare kernel, print ratios
	@OUT=$(OUT) python3 tests/bench/bench.py
	@OUT=$(OUT) python3 tests/bench/libkick.py

$(OUT)/actors: $(OBJ)/tests/bench/actors.o $(OUT)/libkick.a
	@echo "  LD    $@"
	@$(CC) -pie -o $@ $^ $(LD) -lcjson -lm

$(BENCH_STATIC): $(OUT)/%: $(OBJ)/tests/bench/%.o
	@echo "  LD    $@"
	@$(CC) -static -o $@ $^

# --- installing ---------------------------------------------------------------------
MAN_PAGES := $(wildcard man/*.[1-8])
EXAMPLES  := $(wildcard man/examples/*)
UNIT      := kickd@.service
INSTALLED := $(BINDIR)/kick $(SBINDIR)/kickd $(INCLUDEDIR)/kick.h \
	$(LIBDIR)/libkick.a $(LIBDIR)/libkick.so.0 $(LIBDIR)/libkick.so \
	$(LIBDIR)/pkgconfig/kick.pc $(UNITDIR)/$(UNIT) \
	$(addprefix $(DOCDIR)/examples/,$(notdir $(EXAMPLES))) \
	$(foreach m,$(MAN_PAGES),$(MANDIR)/man$(patsubst .%,%,$(suffix $m))/$(notdir $m))

install: all ## install (DESTDIR, PREFIX, BINDIR, SBINDIR, LIBDIR, MANDIR, UNITDIR, ...)
	install -D -m 755 $(OUT)/kick $(DESTDIR)$(BINDIR)/kick
	install -D -m 755 $(OUT)/kickd $(DESTDIR)$(SBINDIR)/kickd
	install -D -m 644 lib/kick.h $(DESTDIR)$(INCLUDEDIR)/kick.h
	install -D -m 644 $(OUT)/libkick.a $(DESTDIR)$(LIBDIR)/libkick.a
	install -D -m 644 $(OUT)/libkick.so $(DESTDIR)$(LIBDIR)/libkick.so.0
	ln -sf libkick.so.0 $(DESTDIR)$(LIBDIR)/libkick.so
	@mkdir -p $(DESTDIR)$(LIBDIR)/pkgconfig
	sed -e 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|' \
		-e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' lib/kick.pc.in \
		> $(DESTDIR)$(LIBDIR)/pkgconfig/kick.pc
	@for m in $(MAN_PAGES); do \
		install -D -m 644 $$m $(DESTDIR)$(MANDIR)/man$${m##*.}/$${m##*/}; done
	@mkdir -p $(DESTDIR)$(UNITDIR)
	sed -e 's|@BINDIR@|$(BINDIR)|; s|@SBINDIR@|$(SBINDIR)|' cmd/kickd/$(UNIT).in \
		> $(DESTDIR)$(UNITDIR)/$(UNIT)
	@mkdir -p $(DESTDIR)$(DOCDIR)/examples
	install -m 644 $(EXAMPLES) $(DESTDIR)$(DOCDIR)/examples

uninstall: ## remove exactly what install put
	rm -f $(addprefix $(DESTDIR),$(INSTALLED))

# Each library is put where the loader of the two programs has found it here; the loader
# is one of them.
image-root: $(OUT)/kickd $(OUT)/kick ## put kickd, kick and their libraries below DESTDIR
	@test -n "$(DESTDIR)" || { echo "image-root: where? DESTDIR=DIR says" >&2; exit 1; }
	install -d $(DESTDIR)/usr/bin $(DESTDIR)/etc/kick
	install -d -m 1777 $(DESTDIR)/run
	install -s -m 755 $(OUT)/kickd $(OUT)/kick $(DESTDIR)/usr/bin
	@ldd $(OUT)/kickd $(OUT)/kick >$(OUT)/libraries
	@! grep 'not found' $(OUT)/libraries
	@sed -n 's|.*[[:space:]]\(/[^ ]*\) (0x.*|\1|p' $(OUT)/libraries | sort -u | \
		while read -r l; do \
			echo "install $$l"; \
			install -D -m 755 "$$l" "$(DESTDIR)$$l" || exit 1; done

dist: ## a source archive of HEAD with its checksum
	@mkdir -p build
	git archive --prefix=kick-$(VERSION)/ -o build/kick-$(VERSION).tar.gz HEAD
	cd build && sha256sum kick-$(VERSION).tar.gz > kick-$(VERSION).tar.gz.sha256

clean: ## remove build/
	rm -rf build

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile
