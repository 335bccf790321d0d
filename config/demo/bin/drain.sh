#!/bin/sh
# Pretends to take a machine out of the load balancer.
set -eu

echo "balancer: $GUIDEPOST_TARGET set to drain, 17 connections open"
sleep 0.2
echo "balancer: $GUIDEPOST_TARGET drained, 0 connections open"
