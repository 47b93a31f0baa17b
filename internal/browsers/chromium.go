package browsers

import (
	"crypto/sha256"
	"encoding/base64"
	"os/exec"
)

// Chromium is Chromium, or Google Chrome.
var Chromium = &Engine{
	Name:        "Chromium",
	Packages:    []string{"chromium"},
	Executables: []string{"chromium", "chromium-browser", "google-chrome"},
	Command: func(executable, home string, options Options) (*exec.Cmd, error) {
		args := []string{
			"--headless",
			"--user-data-dir=" + home,
			// Its sandbox does not run for root, nor in most containers.
			"--no-sandbox",
			"--disable-dev-shm-usage",
			// There is no GPU; WebGL is drawn by the processor.
			"--disable-gpu",
			"--enable-unsafe-swiftshader",
			// HTTP/3 is not served here.
			"--disable-quic",
			// Nothing but the page is loaded, and nothing from elsewhere: loopback never
			// goes through a proxy.
			"--proxy-server=http://" + options.proxy(),
			"--no-first-run",
			"--no-default-browser-check",
			"--disable-background-networking",
			"--disable-component-update",
			"--disable-default-apps",
			"--disable-extensions",
			"--disable-sync",
			"--disable-breakpad",
			"--metrics-recording-only",
			"--password-store=basic",
		}
		if options.Dark {
			args = append(args, "--blink-settings=preferredColorScheme=0")
		}
		if trust := options.Trust; trust != nil {
			key := sha256.Sum256(trust.Certificate.RawSubjectPublicKeyInfo)
			args = append(args, "--ignore-certificate-errors-spki-list="+base64.StdEncoding.EncodeToString(key[:]))
		}
		return exec.Command(executable, args...), nil
	},
}
