#!/bin/sh
# install_dependencies.sh [PACKAGE...]
# Installs the Debian packages that Sardonyx builds with (docs/dependencies.md says what each is for), and those named.
# Does nothing, and needs no root, when they are all there.
set -eu
packages="g++ cmake ninja-build ccache pkg-config libfmt-dev nlohmann-json3-dev libcli11-dev libarchive-dev
zlib1g-dev libjpeg62-turbo-dev libpng-dev libwebp-dev libopenjp2-7-dev libyaml-cpp-dev libhwy-dev libre2-dev libgtest-dev $*"

if ! command -v apt-get >/dev/null; then
  echo "Not a Debian system: going on with what is installed. Needed, by Debian's names:" $packages >&2
  exit 0
fi

missing=""
for package in $packages; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

sudo=""
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "Run as root, or install sudo; missing packages:$missing" >&2; exit 1; }
  sudo="sudo DEBIAN_FRONTEND=noninteractive"
fi
echo "Installing:$missing"
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -q >/dev/null
# shellcheck disable=SC2086
$sudo apt-get install -y -q --no-install-recommends $missing >/dev/null
