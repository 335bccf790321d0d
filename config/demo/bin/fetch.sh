#!/bin/sh
# Pretends to fetch the package of the version to deploy.
set -eu

archive="webshop-$GUIDEPOST_VERSION.tar.gz"
echo "GET https://packages.example.org/webshop/$archive"
sleep 0.2
echo "$archive: 14.2 MB"
echo "sha256 ok"
