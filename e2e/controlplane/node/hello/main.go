// Command hello is what tests run in a Pod: an HTTP server that reports its environment.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "cat" {
		if err := cat(os.Stdout, os.Args[2]); err != nil {
			log.Fatal(err)
		}
		return
	}
	if len(os.Args) == 3 && os.Args[1] == "get" {
		if err := get(os.Stdout, os.Args[2]); err != nil {
			log.Fatal(err)
		}
		return
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGINT, syscall.SIGTERM)
	go serve()
	<-end
}

// serve answers with the Pod's name, and for /file/PATH with that file.
func serve() {
	http.HandleFunc("/{$}", func(w http.ResponseWriter, request *http.Request) {
		name, _ := os.Hostname()
		log.Printf("asked by %s", request.RemoteAddr)
		fmt.Fprintf(w, "hello from %s\n", name)
	})
	http.HandleFunc("/file/", func(w http.ResponseWriter, request *http.Request) {
		if err := cat(w, strings.TrimPrefix(request.URL.Path, "/file")); err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
		}
	})
	log.Print("listening on port 8080")
	log.Fatal(http.ListenAndServe(":8080", nil))
}

func cat(to io.Writer, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(to, file)
	return err
}

func get(to io.Writer, url string) error {
	response, err := http.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(to, response.Body)
	return err
}
