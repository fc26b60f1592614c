# Sourced by the other scripts: a private Python environment in .venv, made on first use.

fail() {
    echo "$*" >&2
    exit 1
}

as_root() { # as_root COMMAND...: run it as root where that needs no password
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif sudo -n true 2>/dev/null; then
        sudo "$@"
    else
        return 1
    fi
}

find_python() { # the first Python that is new enough, newest names last: the system's own is best
    local candidate
    for candidate in python3 python3.11 python3.12 python3.13 python3.10 python3.9; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

make_venv() { # make_venv PYTHON FOLDER
    "$1" -m venv "$2" >/dev/null 2>&1 && return
    rm -rf "$2"
    echo "This Python has no venv module; installing python3-venv ..." >&2
    as_root apt-get update -qq >/dev/null && as_root apt-get install -qq -y python3-venv >/dev/null \
        || fail "Python's venv module is missing and could not be installed: as root, run apt-get install python3-venv, then this command again."
    "$1" -m venv "$2" || fail "$1 -m venv $2 failed: see the lines above."
}

environment() { # environment ROOT EXTRAS [REQUIREMENT...]: .venv with this project in it
    local root=$1 extras=$2 python stamp
    shift 2
    stamp="$root/.venv/installed${extras//,/-}"
    if [ -x "$root/.venv/bin/python" ] && [ "$stamp" -nt "$root/pyproject.toml" ]; then
        return
    fi
    python=$(find_python) || fail "Python 3.9 or newer is needed: apt-get install python3 python3-venv"
    [ -x "$root/.venv/bin/python" ] || make_venv "$python" "$root/.venv"
    echo "Setting up $root/.venv (once) ..." >&2
    "$root/.venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        "$@" --editable "$root${extras:+[$extras]}" >&2 \
        || fail "Installing the packages failed: see the lines above; pip needs to reach PyPI (proxies: HTTPS_PROXY)."
    touch "$stamp"
}

geoclip_for_tests() { # geoclip_for_tests ROOT: geoclip's weights and code in .venv-geoclip
    # Without what it wants (transformers, torchvision): its location encoder needs torch alone.
    local folder=$1/.venv-geoclip
    export SATCLIP_GEOCLIP="${SATCLIP_GEOCLIP:-$folder}"
    [ ! -d "$SATCLIP_GEOCLIP/geoclip" ] || return 0
    "$1/.venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
        --target "$folder" geoclip >&2 \
        || echo "geoclip could not be installed: the tests that compare with it are skipped" >&2
}

timm_for_tests() { # timm_for_tests ROOT: timm in .venv-timm, for the tests of pretrained encoders
    # Apart from the environment: PyPI's torchvision, which timm imports, does not load beside a
    # CPU build of torch, and takes whatever else looks for it down too (tests/timm_operators.py).
    local root=$1 folder=$1/.venv-timm version
    version=$("$root/.venv/bin/python" -c 'import torch; print("0.%d" % (int(torch.__version__.split(".")[1]) + 15))')
    export SATCLIP_TIMM="${SATCLIP_TIMM:-$folder}"
    [ ! -f "$folder/installed-$version" ] || return 0
    rm -rf "$folder"
    "$root/.venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
        --target "$folder" "timm>=1.0" "torchvision==$version.*" >&2 \
        && touch "$folder/installed-$version" \
        || echo "timm could not be installed: the tests of pretrained image encoders are skipped" >&2
}
