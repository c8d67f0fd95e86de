#!/bin/sh
# Installs the servers that the tests talk to, as Debian packages when this is root's machine, and says what is missing.
set -u

have_postgres() {
    command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1
}

if ! command -v redis-server >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "installing Redis ..."
        apt-get update -qq >/dev/null 2>&1
        # the package would start a server of its own, which nobody needs
        RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends redis-server \
            >/dev/null 2>&1
    fi
    command -v redis-server >/dev/null 2>&1 ||
        echo "Redis is not installed: the tests that need it will fail. Install your system's redis-server package." >&2
fi

if ! have_postgres; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "installing PostgreSQL ..."
        apt-get update -qq >/dev/null 2>&1
        # no cluster of its own: the tests start one in a temporary folder
        mkdir -p /etc/postgresql-common
        [ -e /etc/postgresql-common/createcluster.conf ] ||
            echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null 2>&1
    fi
    have_postgres || echo "PostgreSQL is not installed: the tests that need it will fail. Install your system's postgresql package." >&2
fi
