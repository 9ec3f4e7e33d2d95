package main

import "encoding/json"

// kubeconfig returns a configuration with embedded credentials. It is JSON, which every YAML parser
// reads.
func kubeconfig(server string, ca []byte, client credential) ([]byte, error) {
	const name = "mtk-controlplane"
	type object = map[string]any
	return json.MarshalIndent(object{
		"apiVersion": "v1",
		"kind":       "Config",
		"clusters": []object{{
			"name":    name,
			"cluster": object{"server": server, "certificate-authority-data": ca},
		}},
		"users": []object{{
			"name": name,
			"user": object{"client-certificate-data": client.certificate, "client-key-data": client.key},
		}},
		"contexts": []object{{
			"name":    name,
			"context": object{"cluster": name, "user": name},
		}},
		"current-context": name,
	}, "", "  ")
}
