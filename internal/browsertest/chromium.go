package browsertest

import "os/exec"

var chromium = &Engine{
	Name:        "Chromium",
	Packages:    []string{"chromium"},
	executables: []string{"chromium", "chromium-browser", "google-chrome"},
	command: func(executable, home, url string, trust *Trust) (*exec.Cmd, error) {
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
			// Nothing but the page is to be loaded, and nothing from elsewhere: loopback
			// never goes through a proxy.
			"--proxy-server=" + nowhere,
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
		if trust != nil {
			args = append(args, "--ignore-certificate-errors")
		}
		return exec.Command(executable, append(args, url)...), nil
	},
}
