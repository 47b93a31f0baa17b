#!/usr/bin/env bash
# Installs the browsers that the tests run in, from Debian, as root. It prints
# nothing if none is missing. If it cannot install, it says so and succeeds all the
# same: `go run ./internal/browsers/engines` reports which browsers are left out, and
# fails if none may be.
set -euo pipefail

# One command or file of each package that is needed.
has_chromium() { command -v chromium || command -v chromium-browser || command -v google-chrome; }
has_firefox() { command -v firefox-esr || command -v firefox; }
has_webkit() { compgen -G '/usr/lib/*/webkit2gtk-4.*/MiniBrowser' || compgen -G '/usr/libexec/webkit2gtk-4.*/MiniBrowser'; }
has_xvfb() { command -v Xvfb; }

complete=yes
for browser in chromium firefox webkit xvfb; do
	"has_$browser" >/dev/null || complete=no
done
if [[ $complete == yes ]]; then
	exit 0
fi

if ! command -v apt-get >/dev/null; then
	echo "install.sh: this is not Debian, so the browsers are not installed" >&2
	exit 0
fi
if [[ $EUID != 0 ]]; then
	echo "install.sh: not root, so the browsers are not installed" >&2
	exit 0
fi

export DEBIAN_FRONTEND=noninteractive
output=$(mktemp)
trap 'rm -f "$output"' EXIT
if ! {
	apt-get update
	apt-get install -y --no-install-recommends \
		chromium chromium-driver firefox-esr webkit2gtk-driver xvfb xauth dbus
} >"$output" 2>&1; then
	cat "$output" >&2
	echo "install.sh: apt-get failed, so the browsers are not installed" >&2
	[[ -z ${CORSRPC_REQUIRE_BROWSERS:-} ]]
fi
