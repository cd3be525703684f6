#!/bin/sh
# Draws docs/screenshots/top.svg and docs/screenshots/report.svg: `graphmill top` in a running session, and what
# `graphmill run` says at its end. Needs tmux; takes half a minute once everything is built.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
cargo build --quiet --package graphmill-cli
program=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/debug/graphmill
GRAPHMILL_PLUGIN_PATH=$(cargo xtask plugins | grep '\.so$' | tr '\n' ':' | sed 's/:$//')
export GRAPHMILL_PLUGIN_PATH
folder=$(mktemp -d)
server=graphmill-screenshots-$$
trap 'tmux -L "$server" kill-server 2>/dev/null || true; rm -rf "$folder"' EXIT
cp docs/screenshots/session.toml examples/denoise.toml examples/media/*.wav "$folder"
mkdir "$folder/media"
cp examples/media/*.wav "$folder/media"

# Runs a command in a terminal of its own: columns, rows, command.
show() {
  tmux -L "$server" -f /dev/null new-session -d -x "$1" -y "$2" -s shot -c "$folder" \
    "PS1='$ ' exec sh -c '$3; exec sleep 60'"
}

# Waits until the terminal shows a text, at most a minute.
await() {
  tries=300
  until tmux -L "$server" capture-pane -p -t shot | grep -q "$1"; do
    tries=$((tries - 1))
    if [ "$tries" = 0 ]; then
      tmux -L "$server" capture-pane -p -t shot
      echo "error: the terminal does not show \`$1\`" >&2
      exit 1
    fi
    sleep 0.2
  done
}

# Draws what the terminal shows into a file.
draw() {
  tmux -L "$server" capture-pane -e -N -p -t shot >"$folder/shot"
  cd "$root" && cargo xtask screenshot <"$folder/shot" >"$1"
}

show 100 34 "$program run session.toml --control control.sock 2>run.log & \
  until [ -S control.sock ]; do sleep 0.1; done; exec $program top control.sock"
await 'running for 1[0-9]'
tmux -L "$server" send-keys -t shot Home Down Down Down Down Down Down Down Down Down Down
sleep 1
draw docs/screenshots/top.svg
tmux -L "$server" kill-session -t shot

show 100 40 "echo \\$ graphmill run examples/denoise.toml; $program run denoise.toml"
await 'voice.segments -> show.in'
draw docs/screenshots/report.svg
