#!/usr/bin/env bash
# Makes libLibTorchSharp.so in the folder load on a libstdc++ older than GCC 13's, as Debian 12 has. It needs one symbol of
# GLIBCXX_3.4.32, std::ios_base_library_init(), which older versions do without: the need becomes weak and a library of its
# own gives an empty function. Needs python3 and gcc.
set -euo pipefail
cd "$(dirname "$0")"
out=$1
[ -e "$out/libLibTorchSharp.so" ] || exit 0
chmod u+w "$out"/*.so
python3 weaken.py "$out/libLibTorchSharp.so" GLIBCXX_3.4.32
echo 'void _ZSt21ios_base_library_initv(void) {}' | gcc -shared -fPIC -O2 -x c - -o "$out/shim.so"
