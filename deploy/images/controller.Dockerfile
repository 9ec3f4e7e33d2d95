# mtk-controller: only one static program.
#
# The context is the output directory of `cargo xtask images --binaries`, with a program for each
# platform: linux/amd64/mtk-controller, linux/arm64/mtk-controller, and links/controller. See docs/images.md.

ARG BASE=scratch
FROM ${BASE}

ARG TARGETARCH
COPY --chmod=0755 linux/${TARGETARCH}/mtk-controller /usr/local/bin/mtk-controller
# A link named `controller`, the program's name in Bitnami's image.
COPY links/ /usr/local/bin/

# So that `command: [controller]` and `command: [mtk-controller]` of a Pod works.
ENV PATH=/usr/local/bin
# A number, because `runAsNonRoot` cannot verify a user name.
USER 65532:65532
EXPOSE 8080 8081
ENTRYPOINT ["/usr/local/bin/mtk-controller"]

ARG VERSION=unknown
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="mtk-controller" \
      org.opencontainers.image.description="Turns SealedSecrets into Secrets and keeps them in sync" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
