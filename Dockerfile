# The binary alone, for other images to take:
#
#	COPY --from=keelson /keelson /sbin/keelson
#
# Made by make image, which builds the binary first.
FROM scratch
ARG TARGETARCH=amd64
COPY bin/keelson-linux-${TARGETARCH} /keelson
COPY LICENSE /LICENSE
ENTRYPOINT ["/keelson"]
