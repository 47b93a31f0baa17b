#!/usr/bin/env bash
# Installs the proxies that the tests run, from Debian, as root. It reports which
# there are and what is left out without them, and fails if nothing may be left
# out.
set -euo pipefail

# Debian has them where the PATH of root alone leads.
find_proxy() { PATH=$PATH:/usr/sbin command -v "$1"; }

packages=()
find_proxy nginx >/dev/null || packages+=(nginx-light)
find_proxy haproxy >/dev/null || packages+=(haproxy)
find_proxy apache2 >/dev/null || packages+=(apache2-bin)

install() {
	# The packages start servers, unless the run level forbids it. The tests
	# start their own.
	export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
	apt-get update && apt-get install -y --no-install-recommends "${packages[@]}"
}

if [[ ${#packages[@]} != 0 ]]; then
	if ! command -v apt-get >/dev/null; then
		echo "install.sh: this is not Debian, so the proxies are not installed" >&2
	elif [[ $EUID != 0 ]]; then
		echo "install.sh: not root, so the proxies are not installed" >&2
	else
		output=$(mktemp)
		trap 'rm -f "$output"' EXIT
		if ! install >"$output" 2>&1; then
			cat "$output" >&2
			echo "install.sh: apt-get failed, so the proxies are not installed" >&2
		fi
	fi
fi

missing=0
if nginx=$(find_proxy nginx); then
	"$nginx" -v 2>&1 | sed 's/^nginx version: //'
else
	missing=1
	echo "LEFT OUT: nginx, so which responses its cache gives to whom, what a check reports about it, and whether it does what exports say"
fi
if haproxy=$(find_proxy haproxy); then
	"$haproxy" -v | sed -n 's/^HAProxy version \([^ ]*\) .*/haproxy\/\1/p'
else
	missing=1
	echo "LEFT OUT: HAProxy, so whether it does what exports say"
fi
if apache=$(find_proxy apache2); then
	"$apache" -v | sed -n 's/^Server version: Apache\/\([^ ]*\).*/apache\/\1/p'
else
	missing=1
	echo "LEFT OUT: Apache, so whether it does what exports say"
fi
if [[ $missing != 0 && -n ${CORSRPC_REQUIRE_PROXIES:-} ]]; then
	echo "install.sh: CORSRPC_REQUIRE_PROXIES is set, so no proxy may be left out" >&2
	exit 1
fi
