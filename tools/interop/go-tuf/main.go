// client: go-tuf behind the command line that all clients of ./dev interop have (peers.py tells it).
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"
)

var (
	metadataURL   = flag.String("metadata-url", "", "where the metadata is")
	metadataDir   = flag.String("metadata-dir", "", "where trusted metadata is kept")
	targetName    = flag.String("target-name", "", "the target path")
	targetBaseURL = flag.String("target-base-url", "", "where the targets are")
	targetDir     = flag.String("target-dir", "", "where targets go")
)

func run(command string) error {
	kept := filepath.Join(*metadataDir, "root.json")
	if command == "init" {
		if err := os.MkdirAll(*metadataDir, 0o700); err != nil {
			return err
		}
		root, err := os.ReadFile(flag.Arg(1))
		if err != nil {
			return err
		}
		return os.WriteFile(kept, root, 0o600)
	}
	root, err := os.ReadFile(kept)
	if err != nil {
		return err
	}
	settings, err := config.New(*metadataURL, root)
	if err != nil {
		return err
	}
	settings.LocalMetadataDir = *metadataDir
	settings.LocalTargetsDir = *targetDir
	if *targetDir == "" {
		settings.LocalTargetsDir = *metadataDir
	}
	settings.RemoteTargetsURL = *targetBaseURL
	client, err := updater.New(settings)
	if err != nil {
		return err
	}
	if err := client.Refresh(); err != nil {
		return err
	}
	if command != "download" {
		return nil
	}
	target, err := client.GetTargetInfo(*targetName)
	if err != nil {
		return err
	}
	if path, _, err := client.FindCachedTarget(target, ""); err == nil && path != "" {
		return nil
	}
	_, _, err = client.DownloadTarget(target, "", "")
	return err
}

func main() {
	flag.Parse()
	if err := run(flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
