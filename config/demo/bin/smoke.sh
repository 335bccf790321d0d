#!/bin/sh
# Pretends to look whether the shop works.
set -eu

for page in / "/search?q=lamp" /basket /login; do
    sleep 0.05
    echo "GET $page: 200 OK"
done
echo "version on the page: $GUIDEPOST_VERSION"
