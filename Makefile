# lonc: links between hosts.  Targets: all, check, demo, lint, install, clean.
#
# CC, CFLAGS, CPPFLAGS, LDFLAGS, PREFIX and DESTDIR work as usual.  SAN=1
# builds with the address and undefined behaviour sanitizers, in build/san;
# WERROR=1 makes warnings errors.  BUILD is where everything goes.

VERSION = 0.1
PREFIX = /usr/local
BINDIR = $(PREFIX)/bin
SBINDIR = $(PREFIX)/sbin
MANDIR = $(PREFIX)/share/man

PROGS = lonc-link lonc-send lonc-serve lonc-status
# lonc-send costs what starting a process costs, so it is linked statically,
# with musl where that is at hand (three times faster to start than glibc).
# It is therefore compiled apart, from these few parts of the library.
SEND_LIB = addr ask buf clock conf hosts id line msg num rows text usock

ifdef SAN
BUILD = build/san
SANFLAGS = -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
SEND_CC = $(CC)
SEND_STATIC =
else
BUILD = build
SEND_CC := $(shell command -v musl-gcc || echo $(CC))
SEND_STATIC := $(shell echo 'int main(void) { return 0; }' | $(SEND_CC) \
	-static -x c -o /dev/null - 2>/dev/null && echo -static)
endif

CFLAGS = -O2 -g
WARN = -Wall -Wextra -Wshadow -Wvla -Wmissing-prototypes -Wstrict-prototypes \
	-Wformat=2 -Wundef $(if $(WERROR),-Werror)
C = -std=c11 $(WARN) -Iinclude -D_GNU_SOURCE -DLONC_VERSION='"$(VERSION)"' \
	$(CPPFLAGS) $(CFLAGS) $(SANFLAGS) -MMD -MP

LIB = $(patsubst lib/%.c,%,$(wildcard lib/*.c))
UNIT = $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*.c))
MAN = $(wildcard man/*.[1578])

all: $(BUILD)/liblonc.a $(PROGS:%=$(BUILD)/bin/%)

$(BUILD)/liblonc.a: $(LIB:%=$(BUILD)/lib/%.o)
	rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(C) -c -o $@ $<

$(BUILD)/bin/%: $(BUILD)/cmd/%.o $(BUILD)/liblonc.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SANFLAGS) $(LDFLAGS) -o $@ $^ -lbsd

$(BUILD)/bin/lonc-send: $(BUILD)/send/cmd/lonc-send.o \
    $(SEND_LIB:%=$(BUILD)/send/lib/%.o)
	@mkdir -p $(@D)
	$(SEND_CC) $(CFLAGS) $(SANFLAGS) $(LDFLAGS) $(SEND_STATIC) -o $@ $^

$(BUILD)/send/%.o: %.c
	@mkdir -p $(@D)
	$(SEND_CC) $(C) -c -o $@ $<

# Unit tests: one program per part of the library, quiet when all is well.
$(BUILD)/unit/%: $(BUILD)/tests/unit/%.o $(BUILD)/liblonc.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SANFLAGS) $(LDFLAGS) -o $@ $^ -lbsd $(UNIT_LIBS)
$(BUILD)/unit/idea: UNIT_LIBS = -lgcrypt

unit: $(UNIT:%=$(BUILD)/unit/%)

check:
	./tests/run $(if $(SAN),san)

demo:
	./contrib/demo

lint:
	cd man && mandoc -Tlint -W style $(notdir $(MAN))
	shellcheck contrib/demo contrib/install-deps tests/run tests/fuzz/run \
	    .ci/run $(filter-out %.d,$(wildcard contrib/handlers/*)) \
	    contrib/handlers/kv.d/run tests/*.bash tests/*.bats

install: all
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(SBINDIR)
	install -m 755 $(BUILD)/bin/lonc-send $(BUILD)/bin/lonc-status \
	    $(DESTDIR)$(BINDIR)
	install -m 755 $(BUILD)/bin/lonc-link $(BUILD)/bin/lonc-serve \
	    $(DESTDIR)$(SBINDIR)
	for page in $(MAN); do \
		install -D -m 644 $$page \
		    $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/} || exit; \
	done

clean:
	rm -rf build

.PHONY: all unit check demo lint install clean
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
