package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
)

// image writes an image with one static program, as an archive that containerd imports.
func image() int {
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	name := flags.String("name", "", "the image's full name, such as docker.io/library/hello:1")
	output := flags.String("output", "", "the archive to write")
	if flags.Parse(os.Args[1:]) != nil || *name == "" || *output == "" || flags.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: mtk-controlplane image --name NAME --output FILE PROGRAM [ARGUMENTS]")
		return 2
	}
	archive, err := packProgram(*name, flags.Args())
	if err == nil {
		err = os.WriteFile(*output, archive, 0o644)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "mtk-controlplane: %v\n", err)
		return 1
	}
	return 0
}

func packProgram(name string, command []string) ([]byte, error) {
	program, err := os.ReadFile(command[0])
	if err != nil {
		return nil, err
	}
	return packImage(name, program, command[1:])
}

// descriptor names a part of an image by its digest (OCI image specification, descriptor.md).
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// packImage creates an archive in the OCI image layout, of an image that runs the program. The
// image sets no user; a Pod may.
func packImage(name string, program []byte, args []string) ([]byte, error) {
	const path = "program"
	layer, err := archive([]file{{path, program, 0o755}})
	if err != nil {
		return nil, err
	}
	type object = map[string]any
	files := []file{{"oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644}}
	add := func(mediaType string, content []byte) descriptor {
		sum := sha256.Sum256(content)
		digest := hex.EncodeToString(sum[:])
		files = append(files, file{"blobs/sha256/" + digest, content, 0o644})
		return descriptor{MediaType: mediaType, Digest: "sha256:" + digest, Size: len(content)}
	}
	layerPart := add("application/vnd.oci.image.layer.v1.tar", layer)
	config, err := json.Marshal(object{
		"architecture": runtime.GOARCH,
		"os":           "linux",
		"config":       object{"Entrypoint": append([]string{"/" + path}, args...), "User": "65532:65532"},
		"rootfs":       object{"type": "layers", "diff_ids": []string{layerPart.Digest}},
	})
	if err != nil {
		return nil, err
	}
	manifest, err := json.Marshal(object{
		"schemaVersion": 2,
		"mediaType":     "application/vnd.oci.image.manifest.v1+json",
		"config":        add("application/vnd.oci.image.config.v1+json", config),
		"layers":        []descriptor{layerPart},
	})
	if err != nil {
		return nil, err
	}
	manifestPart := add("application/vnd.oci.image.manifest.v1+json", manifest)
	manifestPart.Annotations = map[string]string{"io.containerd.image.name": name}
	index, err := json.Marshal(object{"schemaVersion": 2, "manifests": []descriptor{manifestPart}})
	if err != nil {
		return nil, err
	}
	return archive(append(files, file{"index.json", index, 0o644}))
}

type file struct {
	name    string
	content []byte
	mode    int64
}

func archive(files []file) ([]byte, error) {
	var buffer bytes.Buffer
	writer := tar.NewWriter(&buffer)
	for _, f := range files {
		header := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.content))}
		if err := writer.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := writer.Write(f.content); err != nil {
			return nil, err
		}
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	return buffer.Bytes(), nil
}
