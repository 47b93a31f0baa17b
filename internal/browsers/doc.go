// Package browsers opens pages in the browsers that are installed: Chromium, Firefox
// and WebKitGTK's MiniBrowser. It is for tests.
//
// Most tests have no driver between test and page. A test serves the page, opens it
// with [Engine.Open], and waits for what the page posts back to the test's server:
//
//	browsers.ForEach(t, func(ctx context.Context, t *testing.T, e *browsers.Engine) {
//		b, err := e.Open(ctx, server.URL, browsers.Options{})
//		require.NoError(t, err)
//		defer b.Close()
//		…
//	})
//
// For pages that cannot post, because they have no scripts, [Engine.OpenTab] opens a
// tab that the test controls.
package browsers
