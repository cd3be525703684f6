#!/usr/bin/env bash
# Makes the demo recordings of this folder from nothing but text.
#
#   speech.wav            four sentences by two synthetic voices, with pauses of known length
#   speech.segments.json  where each sentence lies in it, by construction
#   noisy.wav             speech.wav with pink noise mixed in, 10 dB below the speech
#
# Needs flite 2.2 and sox 14.4 (Debian: apt-get install flite sox). The result is the same on every
# run: flite draws no random numbers for these voices, and `sox -R -D` uses its fixed noise seed and
# adds no dither. Usage: ./make.sh [output folder, default: the folder of this script]
set -euo pipefail

out=$(cd "${1:-$(dirname "$0")}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rate=16000

# One line per sentence: voice, then the text. No commas: a sentence has no pause of its own.
sentences=(
  "slt|A graph carries sound from one node to another."
  "rms|Every model runs on a worker of its own."
  "slt|When one of them hangs the others go on playing."
  "rms|Noise goes in and a clean voice comes out."
)
# Seconds of silence before each sentence, then after the last one.
pauses=(1.0 0.8 1.4 0.6 1.2)

# Silence below 1 % of full scale is cut from both ends, so a sentence lasts exactly as long as its file.
trim=(silence 1 1s 1%)
files=()
spans=()
position=0
for i in "${!sentences[@]}"; do
  voice=${sentences[$i]%%|*}
  text=${sentences[$i]#*|}
  flite -voice "$voice" -t "$text" -o "$work/raw$i.wav"
  sox -R -D "$work/raw$i.wav" "$work/say$i.wav" "${trim[@]}" reverse "${trim[@]}" reverse gain -n -6
  sox -R -D -r $rate -n -c 1 -b 16 "$work/pause$i.wav" trim 0 "${pauses[$i]}"
  files+=("$work/pause$i.wav" "$work/say$i.wav")
  start=$((position + $(soxi -s "$work/pause$i.wav")))
  position=$((start + $(soxi -s "$work/say$i.wav")))
  spans+=("$start $position $voice $text")
done
last=${#sentences[@]}
sox -R -D -r $rate -n -c 1 -b 16 "$work/pause$last.wav" trim 0 "${pauses[$last]}"
files+=("$work/pause$last.wav")
total=$((position + $(soxi -s "$work/pause$last.wav")))

# -t wavpcm writes the plain 44-byte header, without the software name that other versions add.
sox -R -D "${files[@]}" -t wavpcm "$out/speech.wav"

# Pink noise as long as the recording, mixed in 10 dB below the speech: its RMS becomes that of the
# sentences (pauses left out) over sqrt(10). Both levels are measured, so the ratio is exact.
rms() { sox "$@" -n stat 2>&1 | awk '/^RMS +amplitude/ { print $3 }'; }
speech_rms=$(rms "$work"/say*.wav)
sox -R -D -r $rate -n -c 1 -b 32 "$work/noise.wav" synth "${total}s" pinknoise gain -12
noise_rms=$(rms "$work/noise.wav")
level=$(awk -v s="$speech_rms" -v n="$noise_rms" 'BEGIN { printf "%.6f", s / sqrt(10) / n }')
sox -R -D -m -v 1 "$out/speech.wav" -v "$level" "$work/noise.wav" -b 16 -t wavpcm "$out/noisy.wav"

{
  printf '{\n  "file": "speech.wav",\n  "rate_hz": %d,\n  "frames": %d,\n  "segments": [\n' $rate "$total"
  for i in "${!spans[@]}"; do
    read -r start end voice text <<<"${spans[$i]}"
    comma=,
    [ "$i" -eq $((last - 1)) ] && comma=
    awk -v s="$start" -v e="$end" -v r=$rate -v v="$voice" -v t="$text" -v c="$comma" \
      'BEGIN { printf "    { \"start_s\": %.4f, \"end_s\": %.4f, \"voice\": \"%s\", \"text\": \"%s\" }%s\n", s / r, e / r, v, t, c }'
  done
  printf '  ]\n}\n'
} >"$out/speech.segments.json"
echo "made speech.wav ($total frames), noisy.wav (noise level $level) and speech.segments.json in $out"
