# Shared by ./check and ./quickstart: what Debian packages are needed, and how configure is made. Sourced; $here is set.
cores=$(nproc)
build_packages="build-essential autoconf automake pkg-config libldns-dev libssl-dev libmaxminddb-dev libc-ares-dev
	libcurl4-openssl-dev liburcu-dev libcyaml-dev libyaml-dev libjansson-dev libmicrohttpd-dev libsqlite3-dev libhiredis-dev libnats-dev check"
test_packages="clang-14 libclang-rt-14-dev clang-format-14 python3 python3-dnspython python3-h2 nginx-light unbound bind9 bind9-utils
	bind9-dnsutils knot-dnsutils ldnsutils pdns-recursor knot-resolver redis-server memcached varnish nats-server dnsmasq-base faketime e2fsprogs mount openssl iproute2 man-db ca-certificates procps prometheus"
quickstart_packages="python3 bind9-dnsutils libmaxmind-db-writer-perl dpkg procps"

say() {
	printf '== %s\n' "$*"
}

# Install those of the named packages that are not there; without root it only says which are missing.
need_packages() {
	local package missing=""
	for package in "$@"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
	done
	[ -z "$missing" ] && return 0
	if [ "$(id -u)" -ne 0 ]; then
		say "these packages are missing; start this with sudo, or install them:$missing"
		exit 1
	fi
	say "installing:$missing"
	export DEBIAN_FRONTEND=noninteractive
	# Servers that the tests start themselves must not be started by their packages. No trap here: the caller has its own.
	local policy=/usr/sbin/policy-rc.d ours=no status=0
	if [ ! -e $policy ]; then
		printf '#!/bin/sh\nexit 101\n' >$policy
		chmod +x $policy
		ours=yes
	fi
	# shellcheck disable=SC2086
	{ apt-get update && apt-get install -y --no-install-recommends $missing; } >/tmp/gslb-apt.$$ 2>&1 </dev/null || status=1
	[ $ours = no ] || rm -f $policy
	if [ $status -ne 0 ]; then
		tail -n 20 /tmp/gslb-apt.$$
		say "apt-get could not install them"
		exit 1
	fi
	rm -f /tmp/gslb-apt.$$
}

make_configure() {
	[ -x "$here/configure" ] && [ "$here/configure" -nt "$here/configure.ac" ] && return 0
	say "making configure"
	(cd "$here" && autoreconf -fi) >"$here/autoreconf.log" 2>&1 || {
		tail -n 20 "$here/autoreconf.log"
		return 1
	}
}
