package browsers

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Firefox is Firefox, or its extended support release.
var Firefox = &Engine{
	Name:        "Firefox",
	Packages:    []string{"firefox-esr", "xvfb"},
	Executables: []string{"firefox-esr", "firefox"},
	Display:     true,
	Command: func(executable, home string, options Options) (*exec.Cmd, error) {
		user, err := preferences(options)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(home, "user.js"), user, 0o600); err != nil {
			return nil, err
		}
		if trust := options.Trust; trust != nil {
			if err := os.WriteFile(filepath.Join(home, "cert_override.txt"), overrides(trust), 0o600); err != nil {
				return nil, err
			}
		}
		cmd := exec.Command(executable, "--no-remote", "--new-instance", "--profile", home)
		// Without it the preference services.settings.server is ignored.
		cmd.Env = []string{"MOZ_REMOTE_SETTINGS_DEVTOOLS=1"}
		if options.Dark {
			cmd.Env = append(cmd.Env, "GTK_THEME=Adwaita:dark")
		}
		return cmd, nil
	},
}

// preferences returns the profile's user.js: nothing but the page is loaded, nothing
// from elsewhere, and the user is asked nothing. Loopback never goes through a proxy.
func preferences(options Options) ([]byte, error) {
	proxyHost, port, err := net.SplitHostPort(options.proxy())
	if err != nil {
		return nil, err
	}
	proxyPort, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, err
	}
	settings := map[string]any{
		"app.normandy.enabled":                                     false,
		"app.update.auto":                                          false,
		"app.update.disabledForTesting":                            true,
		"browser.aboutwelcome.enabled":                             false,
		"browser.newtabpage.enabled":                               false,
		"browser.safebrowsing.blockedURIs.enabled":                 false,
		"browser.safebrowsing.downloads.enabled":                   false,
		"browser.safebrowsing.malware.enabled":                     false,
		"browser.safebrowsing.phishing.enabled":                    false,
		"browser.search.update":                                    false,
		"browser.shell.checkDefaultBrowser":                        false,
		"browser.startup.homepage_override.mstone":                 "ignore",
		"browser.startup.page":                                     0,
		"browser.topsites.contile.enabled":                         false,
		"browser.uitour.enabled":                                   false,
		"datareporting.healthreport.uploadEnabled":                 false,
		"datareporting.policy.dataSubmissionEnabled":               false,
		"datareporting.policy.dataSubmissionPolicyAcceptedVersion": 99,
		"dom.push.connection.enabled":                              false,
		"extensions.systemAddon.update.enabled":                    false,
		"extensions.update.enabled":                                false,
		"marionette.port":                                          0, // any that is free
		"network.captive-portal-service.enabled":                   false,
		"network.connectivity-service.enabled":                     false,
		"network.dns.disablePrefetch":                              true,
		"network.http.speculative-parallel-limit":                  0,
		"network.proxy.allow_bypass":                               false,
		"network.proxy.failover_direct":                            false,
		"network.proxy.type":                                       1,
		"network.proxy.http":                                       proxyHost,
		"network.proxy.http_port":                                  proxyPort,
		"network.proxy.ssl":                                        proxyHost,
		"network.proxy.ssl_port":                                   proxyPort,
		"network.trr.mode":                                         5,
		"services.settings.server":                                 "data:,",
		"signon.autofillForms":                                     false,
		"toolkit.telemetry.enabled":                                false,
		"toolkit.telemetry.server":                                 "data:,",
		"toolkit.telemetry.unified":                                false,
		"trailhead.firstrun.didSeeAboutWelcome":                    true,
	}
	var file strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		value, err := json.Marshal(settings[name])
		if err != nil {
			panic(err) // the values are above
		}
		fmt.Fprintf(&file, "user_pref(%q, %s);\n", name, value)
	}
	return []byte(file.String()), nil
}

// overrides returns the profile's cert_override.txt: what Firefox writes when a
// user accepts a certificate for a host, its SHA-256 fingerprint.
func overrides(trust *Trust) []byte {
	const sha256OID = "OID.2.16.840.1.101.3.4.2.1"
	fingerprint := strings.ReplaceAll(fmt.Sprintf("% X", sha256.Sum256(trust.Certificate.Raw)), " ", ":")
	var file strings.Builder
	for _, host := range trust.Hosts {
		fmt.Fprintf(&file, "%s:\t%s\t%s\t\n", host, sha256OID, fingerprint)
	}
	return []byte(file.String())
}
