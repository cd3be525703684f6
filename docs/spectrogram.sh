#!/bin/sh
# Draws docs/denoise.png: the recording before (above) and after (below) the demo.
# Needs the package sox, and `cargo xtask demo` to have run.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
sox examples/media/noisy.wav -r 16000 "$folder/before.wav"
sox examples/out/denoised.wav -r 16000 "$folder/after.wav"
sox -M "$folder/before.wav" "$folder/after.wav" -n spectrogram -x 900 -y 200 -z 90 \
  -t 'before (above) and after (below)' -c 'examples/denoise.toml' -o docs/denoise.png
