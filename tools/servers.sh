#!/bin/sh
# Installs the servers that the tests talk to, as Debian packages when this is root's machine, and says what is missing.
# The argument is the Python of the tests, which gets the engine of the stand-in for Azure Service Bus.
set -u
python=${1:-python3}

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

if ! command -v valkey-server >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ] && apt-cache show valkey-server >/dev/null 2>&1; then
        echo "installing Valkey ..."
        RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends valkey-server \
            >/dev/null 2>&1
    fi
    command -v valkey-server >/dev/null 2>&1 ||
        echo "Valkey is not installed: the tests of the brokers run on Redis only. Debian has valkey-server from 13 on."
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

have_proton() {
    "$python" -c "import proton" >/dev/null 2>&1
}

build_proton() {
    "$python" -m pip --disable-pip-version-check --quiet install --group servicebus >/dev/null 2>&1
}

if ! have_proton; then
    echo "installing Qpid Proton, which may have to be built (a minute) ..."
    if ! build_proton && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        apt-get update -qq >/dev/null 2>&1
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            gcc libc6-dev libssl-dev python3-dev >/dev/null 2>&1
        build_proton
    fi
    have_proton || {
        echo "python-qpid-proton could not be installed: THE TESTS OF AZURE SERVICE BUS DO NOT RUN, and are reported as" \
            "skipped. It is built from source, for which it needs gcc, libssl-dev and the headers of Python." >&2
    }
fi
