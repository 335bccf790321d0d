#!/bin/sh
# Pretends to install the package. The disk of web-2 is full at the first attempt.
set -eu

echo "unpacking webshop-$GUIDEPOST_VERSION.tar.gz to /srv/webshop/releases/$GUIDEPOST_VERSION"
if [ "$GUIDEPOST_ATTEMPT" -gt 1 ]; then
    echo "removing 3 old releases: 2.1 GB freed"
fi
sleep 0.2
if [ "$GUIDEPOST_TARGET" = web-2 ] && [ "$GUIDEPOST_ATTEMPT" -eq 1 ]; then
    echo "tar: assets/catalogue.db: Wrote only 4096 of 10240 bytes" >&2
    echo "tar: Exiting with failure status due to previous errors" >&2
    echo "install: /srv/webshop: No space left on device (disk 100% full)" >&2
    exit 28
fi
echo "1284 files unpacked"
echo "webshop.service: restarted, listening on port 8000"
