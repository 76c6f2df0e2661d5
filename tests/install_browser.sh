#!/bin/sh
# Install Chromium for the acceptance tests, or say how.
set -eu
for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
if [ -d "/Applications/Google Chrome.app" ] || [ -d "/Applications/Chromium.app" ]; then exit 0; fi
if command -v apt-get >/dev/null 2>&1; then
    run=""
    if [ "$(id -u)" != 0 ]; then run="sudo"; fi
    echo "Installing Chromium for the browser tests"
    $run apt-get update -qq
    $run env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-liberation >/dev/null
    exit 0
fi
if command -v brew >/dev/null 2>&1; then exec brew install --cask chromium; fi
echo "The browser tests need Chromium; install it with your package manager." >&2
exit 2
