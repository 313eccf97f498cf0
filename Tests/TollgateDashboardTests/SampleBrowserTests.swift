import Testing
import TollgateTestSupport

/// The style sheet and the script of the pages, held against a sample page with every component.
@Suite(
    "Sample page in a browser", .serialized,
    .enabled(if: Python.hasBrowser, "needs Chromium and a Python with selenium: run scripts/test"))
struct SampleBrowserTests {
    @Test(
        "style and script",
        arguments: [
            "sample_appearance",  // contrast in both schemes, 390 px, focus, print
            "sample_fields",  // rules, look-up, selection, tips, without scripts
            "sample_refresh",  // what changes and what stays, stale, paused, hidden, signed out
        ])
    func sample(_ script: String) async throws {
        try await Browser.run(script, ["assets": Browser.assets])
    }
}
