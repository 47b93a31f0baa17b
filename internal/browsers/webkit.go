package browsers

import "os/exec"

// WebKit is WebKitGTK's MiniBrowser.
var WebKit = &Engine{
	Name:        "WebKit",
	Packages:    []string{"webkit2gtk-driver", "xvfb"},
	Executables: []string{"/usr/lib/*/webkit2gtk-4.*/MiniBrowser", "/usr/libexec/webkit2gtk-4.*/MiniBrowser"},
	Display:     true,
	Command: func(executable, _ string, options Options) (*exec.Cmd, error) {
		// Private browsing keeps cookies and caches in memory.
		args := []string{"--private", "--proxy=http://" + options.proxy(), "--ignore-host=localhost", "--ignore-host=127.0.0.1"}
		if options.Dark {
			args = append(args, "--dark-mode")
		}
		if options.Trust != nil {
			args = append(args, "--ignore-tls-errors")
		}
		return exec.Command(executable, args...), nil
	},
}
