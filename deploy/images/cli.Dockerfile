# mtk-seal: only one static program.
#
# The context is the output directory of `cargo xtask images --binaries`, with a program for each
# platform: linux/amd64/mtk-seal, linux/arm64/mtk-seal. See docs/images.md.

ARG BASE=scratch
FROM ${BASE}

ARG TARGETARCH
COPY --chmod=0755 linux/${TARGETARCH}/mtk-seal /usr/local/bin/mtk-seal

ENV PATH=/usr/local/bin
# Mount a repository here. WORKDIR comes before USER, so that root owns the directory.
WORKDIR /src
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/mtk-seal"]

ARG VERSION=unknown
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="mtk-seal" \
      org.opencontainers.image.description="Encrypts secrets into SealedSecrets that are safe to commit to git" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
