package corsexport

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/access"
)

// put writes one line of the section. "@" stands for the prefix of names, and
// each "{}" for the next value.
func (h *haproxy) put(line string, values ...string) {
	line = strings.ReplaceAll(line, "@", h.options.Prefix+"_")
	h.config.WriteString("    ")
	for _, value := range values {
		before, after, _ := strings.Cut(line, "{}")
		h.config.WriteString(before + value)
		line = after
	}
	h.config.WriteString(line + "\n")
}

// about begins a part of the section.
func (h *haproxy) about(text string) { h.config.WriteString("\n    # " + text + "\n") }

// quoted returns s as one word of the configuration that means s itself.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// pcreOf returns an expression of the plan with other words for the segments of
// clean paths. PCRE's compiled code has 32 kB of stack, and fails to match paths
// of a thousand bytes where a group repeats for each of their bytes.
func pcreOf(expression string) string {
	const (
		dots    = `(?!(?:\.|%2[Ee]){1,2}(?:/|$))`
		clean   = `(?![^/]*(?:\\|%2[Ff]|%5[Cc]|%(?![0-9A-Fa-f]{2})))[^/]+`
		segment = "(?:" + dots + clean + ")"

		plainDots = `(?!(?:\.|%2[Ee]){0,2}(?:/|$|;|%3[Bb]))`
		plain     = "(?:" + plainDots + `(?![^/]*%25)` + clean + ")"
	)
	return strings.NewReplacer(
		// At the end of a path, no repetition is tried with fewer segments.
		"(?:/"+cleanSegment+")*$", "(?:/"+segment+")*+$",
		"(?:/"+plainSegment+")*/?)?$", "(?:/"+plain+")*+/?)?$",
		cleanSegment, segment,
		plainSegment, plain,
	).Replace(expression)
}

// writeSection writes the configuration.
func (h *haproxy) writeSection() {
	fmt.Fprintf(&h.config, "# Written by corsrpc: do not edit. Frontends have the policy by \"from %s\".\ndefaults %s", h.options.Prefix, h.options.Prefix)
	if h.options.Defaults != "" {
		h.config.WriteString(" from " + h.options.Defaults)
	}
	h.config.WriteString("\n")
	h.put("mode http")
	if h.options.Upstream != "" {
		h.put("default_backend {}", h.options.Upstream)
	}
	h.writeRequest()
	before := h.config.String()
	h.config.Reset()
	h.writeOwn()
	h.writeBindings()
	h.writeResources()
	h.writeAsked()
	h.writeDemands()
	results := h.config.String()
	h.config.Reset()
	h.config.WriteString(before)
	if !h.options.BehindGate {
		h.writeRoom() // for what results asks
	}
	h.config.WriteString(results)
	if !h.options.BehindGate {
		h.writeRefusals()
	}
	h.writePreflights()
	h.writeResponse()
}

// writeRequest writes what is known of the request whatever its path.
func (h *haproxy) writeRequest() {
	h.about("The request. Paths are compared as they were sent.")
	h.put("acl @marked      req.fhdr_cnt(origin) gt 0")
	h.put("acl @marked      req.fhdr_cnt(sec-fetch-site) gt 0")
	h.put("acl @has_origin  req.fhdr_cnt(origin) gt 0")
	h.put("acl @preflight   var(txn.@preflight) -m found")
	h.put("acl @read        method GET HEAD")
	h.put("acl @trusted     var(txn.@trusted) -m found")
	if !h.options.BehindGate {
		// Connections that become HTTP/2 would go on past these rules.
		h.put("acl @h2c         req.hdr(upgrade) -m str -i -- h2c")
		h.put("http-request del-header http2-settings if @h2c")
		h.put("http-request del-header upgrade if @h2c")
	}
	h.put("http-request set-var(txn.@path) path")
	if !h.options.BehindGate {
		// Variables have a limit, tune.vars.txn-max-size.
		h.put("http-request deny deny_status 403 if { path -m found } !{ var(txn.@path) -m found }")
	}
	h.put("http-request set-var(txn.@origin) req.fhdr(origin) if { req.fhdr_cnt(origin) eq 1 }")
	h.put("http-request set-var(txn.@preflight) bool(true) if { method OPTIONS } @has_origin { req.fhdr_cnt(access-control-request-method) gt 0 }")
	if h.requireHosts || !h.options.BehindGate {
		h.writeHost()
	}
	if h.options.BehindGate {
		return
	}
	h.put("http-request set-var(txn.@trusted) bool(true) if !@marked")
	h.put("http-request set-var(txn.@trusted) bool(true) if { req.fhdr_cnt(sec-fetch-site) eq 1 } { req.fhdr(sec-fetch-site) -m str -- same-origin }")
	h.put("http-request set-var(txn.@trusted) bool(true) if { req.fhdr_cnt(sec-fetch-site) eq 1 } { req.fhdr(sec-fetch-site) -m str -- none } !{ req.fhdr_cnt(sec-purpose) gt 0 }")
	if h.hosts == nil || len(h.hosts) > 0 {
		h.put("http-request set-var(txn.@trusted) bool(true) if !{ req.fhdr_cnt(sec-fetch-site) gt 0 } @own_origin")
	}
}

// writeHost writes the comparison with the server's own hosts.
func (h *haproxy) writeHost() {
	const withoutPort = "regsub(:443$|:80$,)" // as origin.EqualHosts does
	h.put("http-request set-var(txn.@host) req.fhdr(host),lower," + withoutPort)
	h.put("http-request set-var(txn.@origin_host) var(txn.@origin),regsub(^https?://,)," + withoutPort + " if { var(txn.@origin) -m reg -- ^https?://[^:] }")
	if h.hosts == nil {
		h.put("acl @own_origin  var(txn.@origin_host),strcmp(txn.@host) eq 0")
		return
	}
	hosts := make([]string, len(h.hosts))
	for i, host := range h.hosts {
		trimmed, found := strings.CutSuffix(host, ":443")
		if !found {
			trimmed = strings.TrimSuffix(host, ":80")
		}
		hosts[i] = quoted(trimmed)
	}
	for some := range slices.Chunk(hosts, haproxyPatterns) {
		h.put("acl @own_origin  var(txn.@origin_host) -m str -- {}", strings.Join(some, " "))
		h.put("acl @own_host    var(txn.@host) -m str -- {}", strings.Join(some, " "))
	}
}

// writeRoom refuses requests whose results would not fit into variables, which
// have a limit, tune.vars.txn-max-size: a variable that is not set demands
// nothing. It sets variables as long as all results together, and unsets them.
func (h *haproxy) writeRoom() {
	const (
		block  = 1024
		blocks = 12    // in one variable, which must fit into a buffer
		others = 3_000 // numbers, flags, the reason, an HTTP method, and what HAProxy keeps of each variable
	)
	longest, asked := 0, 0
	for _, g := range h.grants {
		longest = max(longest, len(own(g, wordResource, wordExempt)))
	}
	for _, r := range h.asked {
		asked += len(r.words)
	}
	// A grant stands in the variables own, words, set and demands; what others
	// ask stands in asked and demands. Both are copied while they grow.
	needed := (4*longest+3*asked+others)/block + 1
	h.about("Room for the results: a request is refused if they would not fit.")
	h.put("http-request set-var(txn.@room) str({})", strings.Repeat("x", block))
	variables := []string{"room"}
	for left := needed; left > 0; left -= blocks {
		some, name := min(left, blocks), "room_"+strconv.Itoa(len(variables))
		h.put("http-request set-var(txn.@{}) var(txn.@room){}", name, strings.Repeat(",concat(,txn."+h.options.Prefix+"_room)", some-1))
		h.put("acl @{}      var(txn.@{}) -m len {}", name, name, strconv.Itoa(some*block))
		h.put("http-request deny deny_status 403 if !@{}", name)
		variables = append(variables, name)
	}
	for _, name := range variables {
		h.put("http-request unset-var(txn.@{})", name)
	}
}

// writeOwn writes the look-up of procedures and services. What is found stands
// in the variable "own".
func (h *haproxy) writeOwn() {
	h.about("What the path grants: the number of the grant, what it demands, and its set of origins.")
	h.put("acl @exact       var(txn.@exact) -m found")
	h.put("acl @has_own     var(txn.@own) -m found")
	if len(h.procedures) > 0 {
		h.put("http-request set-var(txn.@own) var(txn.@path),map_str({})", h.file("procedures.map"))
		h.put("http-request set-var(txn.@exact) bool(true) if @has_own")
	}
	if len(h.services) > 0 {
		h.put("http-request set-var(txn.@own) var(txn.@path),map_beg({}) if !@exact", h.file("services.map"))
	}
	// What other rules demand stands in the variable "asked".
	h.put("acl @is_asked    var(txn.@asked) -m found")
}

// writeResources writes the look-up of resources.
func (h *haproxy) writeResources() {
	if len(h.resources) == 0 {
		return
	}
	h.about("Resources.")
	h.put("acl @resource    var(txn.@resource) -m found")
	h.put("http-request set-var(txn.@resource) var(txn.@path),map_reg({}) if !@exact", h.file("resources.map"))
	h.put("http-request set-var(txn.@own) var(txn.@resource),concat(=,txn.@path),map_reg({}) if @resource !@has_own !@is_asked", h.file("resource-grants.map"))
}

// writeAsked writes what aliases demand.
func (h *haproxy) writeAsked() {
	h.about("What else must let the request pass: services that the path could mean.")
	length := 0
	for _, r := range h.asked {
		length += len(r.words)
	}
	if length > haproxyAsked {
		h.refuse(&Refusal{Field: "Overrides", Problem: fmt.Sprintf("make services and bindings differ in %d ways, more than HAProxy can ask about one path", len(h.asked)), Fix: "use fewer different lists of origins, or export the services as several policies for several frontends"})
	}
	h.put("acl @exempt      var(txn.@own) -m sub -- +{}+", wordExempt)
	for _, r := range h.asked {
		if len(r.aliases) > 0 {
			h.put("http-request set-var-fmt(txn.@asked) '%[var(txn.@asked)]{}' if !@exact !@exempt { var(txn.@path) -m reg -f {} }", r.words, h.file(r.aliasFile()))
		}
	}
	for i := range h.services {
		if s := &h.services[i]; s.plain != "" {
			h.writeAlias(s, strconv.Itoa(i+1))
		}
	}
	if len(h.resources) > 0 {
		h.put("http-request unset-var(txn.@own) if @is_asked { var(txn.@own) -m sub -- +{}+ }", wordResource)
	}
}

// writeAlias writes what an alias demands of a service with stricter procedures.
func (h *haproxy) writeAlias(s *service, number string) {
	for _, e := range []string{s.alias, s.plain, s.stricter} {
		if len(e) > haproxyRegexp {
			h.refuse(&Refusal{Rule: s.grant.rule, Field: "Path", Value: shortened(s.prefix), Problem: "takes a regular expression that is too long for HAProxy", Fix: "use shorter names, or one access for all procedures of the service"})
			return
		}
	}
	words := h.requirementOf(s.judge).words
	h.put("acl @alias_{}    var(txn.@path) -m reg -- {}", number, quoted(s.alias))
	h.put("http-request set-var-fmt(txn.@asked) '%[var(txn.@asked)]{}' if !@exact !@exempt !{ var(txn.@path) -m reg -- {} } @alias_{}", words, quoted(s.plain), number)
	h.put("http-request set-var-fmt(txn.@asked) '%[var(txn.@asked)]{}' if !@exact !@exempt { var(txn.@path) -m reg -- {} } @alias_{}", words, quoted(s.stricter), number)
}

// writeDemands writes the sums of what the path and all others demand.
func (h *haproxy) writeDemands() {
	h.about("All of it together.")
	h.put("http-request set-var(txn.@grant) var(txn.@own),field(1,:)")
	h.put("http-request set-var(txn.@words) var(txn.@own),field(2,:)")
	h.put("http-request set-var(txn.@set) var(txn.@own),field(3,:)")
	h.put("http-request set-var-fmt(txn.@demands) '%[var(txn.@asked)]%[var(txn.@words)]'")
	h.put("acl @listed      var(txn.@set),concat(=,txn.@origin),map_str({}) -m found", h.file("origins.map"))
	h.put("acl @listed      var(txn.@set),concat(=,txn.@origin),map_reg({}) -m found", h.file("origin-patterns.map"))
	h.put("acl @unlisted    var(txn.@unlisted) -m found")
	for _, word := range []string{wordEnforced, wordRefuses, wordInternal, wordOrigin, wordCookieless, wordClosed} {
		h.put("acl @{} var(txn.@demands) -m sub -- +{}+", word, word)
	}
	h.put("http-request set-var(txn.@unlisted) bool(true) if @preflight @has_own !@listed")
	if !h.options.BehindGate {
		h.put("http-request set-var(txn.@unlisted) bool(true) if !@preflight !@trusted { var(txn.@words) -m sub -- +{}+ } !@listed", wordRefuses)
	}
	for _, s := range h.origins {
		number := strconv.Itoa(s.number)
		if slices.ContainsFunc(h.asked, func(r *requirement) bool { return strings.Contains(r.words, "preflights-"+number+"+") }) {
			h.writeSet(s, number)
		}
	}
}

// writeSet writes the comparison with a set of origins that aliases or bindings
// demand.
func (h *haproxy) writeSet(s *originSet, number string) {
	listed := ""
	if len(s.entries) > 0 {
		listed = " !@listed_" + number
		h.put("acl @listed_{}  str({}=),concat(,txn.@origin),map_str({}) -m found", number, number, h.file("origins.map"))
		h.put("acl @listed_{}  str({}=),concat(,txn.@origin),map_reg({}) -m found", number, number, h.file("origin-patterns.map"))
	}
	h.put("http-request set-var(txn.@unlisted) bool(true) if @is_asked @preflight { var(txn.@asked) -m sub -- +preflights-{}+ }"+listed, number)
	if !h.options.BehindGate {
		h.put("http-request set-var(txn.@unlisted) bool(true) if @is_asked !@preflight !@trusted { var(txn.@asked) -m sub -- +calls-{}+ }"+listed, number)
	}
}

// writeRefusals writes the 403 of calls.
func (h *haproxy) writeRefusals() {
	h.about("Calls that are refused. The first reason stands.")
	h.put("acl @refused     var(txn.@reason) -m found")
	reason := func(r access.Reason, condition string) {
		h.put("http-request set-var(txn.@reason) str({}) if !@preflight !@refused "+condition, quoted(reasonText(r)))
	}
	if h.requireHosts {
		reason(access.ReasonHostNotAllowed, "@refuses !@own_host")
	}
	if h.requireFetchMetadata {
		reason(access.ReasonFetchMetadataMissing, "@refuses !@marked")
	}
	reason(access.ReasonInternalMethod, "@enforced @internal @marked")
	reason(access.ReasonOriginMissing, "!@trusted @refuses !@has_origin @mustname")
	reason(access.ReasonOriginMissing, "!@trusted @refuses !@has_origin !@read")
	reason(access.ReasonOriginMalformed, "!@trusted @refuses @has_origin !{ var(txn.@origin) -m len gt 0 }")
	reason(access.ReasonOriginNotAllowed, "@has_origin @unlisted")
	reason(access.ReasonCredentialsNotAllowed, "!@trusted @has_origin @cookieless { req.fhdr_cnt(cookie) gt 0 }")
	h.put("http-request set-var(txn.@reason) str({}) if @refused @closed", quoted(reasonText(access.ReasonNotConfigured)))
	h.put(`http-request return status 403 content-type '` + access.ContentType + `' lf-string "corsrpc: %[var(txn.@reason)]\n" hdr Cache-Control ` + access.NoStore + ` hdr X-Content-Type-Options ` + access.NoSniff + ` hdr Vary ` + access.Vary + ` if @refused`)
}

// writePreflights writes the responses to preflights.
func (h *haproxy) writePreflights() {
	h.about("Preflights.")
	refused := "@unlisted or @preflight @internal or @preflight !@has_own @is_asked"
	if len(h.resources) > 0 {
		refused += " or @preflight !@has_own @resource"
	}
	if h.requireHosts {
		refused += " or @preflight @enforced !@own_host"
	}
	h.put("http-request return status 403 hdr Cache-Control " + access.NoStore + " hdr Vary " + access.Vary + " if @preflight " + refused)
	// What calls and preflights are allowed is known here.
	h.put("acl @echoes      var(txn.@words) -m sub -- +{}+", wordEchoes)
	h.put("acl @own_closed  var(txn.@words) -m sub -- +{}+", wordInternal)
	h.put("http-request set-var(txn.@allow) var(txn.@origin) if @has_own @echoes !@own_closed @listed")
	h.put("http-request set-var(txn.@allow) str(*) if @has_own !@echoes !@own_closed @listed")
	h.put("http-request set-var(txn.@allow) str(*) if @has_own !@echoes @read")
	h.put("http-request set-var(txn.@vary) bool(true) if @has_own @echoes @read")
	h.put("http-request set-var(txn.@vary) bool(true) if @has_own @echoes @has_origin")
	h.put("http-request return status 204 hdr Access-Control-Allow-Methods '%[var(txn.@grant),map_str({})]' hdr Access-Control-Allow-Headers '%[var(txn.@grant),map_str({})]' hdr Access-Control-Max-Age '%[var(txn.@grant),map_str({})]' if @preflight @has_own",
		h.file("methods.map"), h.file("request-headers.map"), h.file("max-age.map"))
}

// writeResponse writes the headers of responses, HAProxy's own included.
func (h *haproxy) writeResponse() {
	h.about("Responses.")
	h.put("acl @allow       var(txn.@allow) -m found")
	for _, name := range []string{"allow-origin", "allow-credentials", "allow-methods", "allow-headers", "allow-private-network", "max-age"} {
		h.put("http-after-response del-header access-control-{} if @has_own !@preflight", name)
	}
	h.put("http-after-response set-header Access-Control-Allow-Origin '%[var(txn.@allow)]' if @allow")
	h.put("http-after-response set-header Access-Control-Allow-Credentials true if @allow { var(txn.@words) -m sub -- +{}+ }", wordCredentials)
	h.put("http-after-response add-header Access-Control-Expose-Headers '%[var(txn.@grant),map_str({})]' if @allow !@preflight { var(txn.@grant),map_str({}) -m found }", h.file("response-headers.map"), h.file("response-headers.map"))
	h.put("acl @vary        var(txn.@vary) -m found")
	h.put("http-after-response set-header Vary '%[res.fhdr(vary,1)], %[res.fhdr(vary,2)]' if @vary { res.fhdr_cnt(vary) eq 2 }")
	h.put("http-after-response set-header Vary '%[res.fhdr(vary,1)], %[res.fhdr(vary,2)], %[res.fhdr(vary,3)]' if @vary { res.fhdr_cnt(vary) eq 3 }")
	h.put("http-after-response set-header Vary * if @vary { res.fhdr_cnt(vary) gt 3 }")
	h.put("http-after-response set-header Vary * if @vary { res.hdr(vary) -m str -- * }")
	h.put("http-after-response set-header Vary 'Origin, %[res.fhdr(vary)]' if @vary { res.fhdr_cnt(vary) eq 1 } !{ res.hdr(vary) -m str -i -- Origin * }")
	h.put("http-after-response set-header Vary Origin if @vary !{ res.fhdr_cnt(vary) gt 0 }")
}
