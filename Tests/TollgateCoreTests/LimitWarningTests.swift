import Testing
import TollgateCore

@Suite struct LimitWarningTests {
    @Test(
        "a warning is parsed from its text, whatever its scope contains",
        arguments: [
            ("user:alice/cost/day:80", "user:alice", "cost/day", 80),
            ("user:alice+tool:search/requests/1m:100", "user:alice+tool:search", "requests/1m", 100),
            ("global/tokens/total:95", "global", "tokens/total", 95),
            ("user:a/cost/day:90/cost/month:50", "user:a/cost/day:90", "cost/month", 50),
            ("tool:a,b/x:1/requests/1h:7", "tool:a,b/x:1", "requests/1h", 7),
            ("user:a/concurrent:80", "user:a", "concurrent", 80),
            ("user:a/b/concurrent:80", "user:a/b", "concurrent", 80),
        ])
    func parts(_ text: String, _ scope: String, _ limit: String, _ threshold: Int) throws {
        let warning = try #require(LimitWarning(parsing: text))
        #expect(warning == LimitWarning(scope: try Scope(parsing: scope), limit: limit, threshold: threshold))
        #expect(warning.description == text)
    }

    @Test(
        "any other text is rejected",
        arguments: [
            "", "80", ":80", "user:alice:80", "user:alice/cost/day", "user:alice/cost/day:", "user:a/cost/day:x",
            "user:a/cost/day:-1", "alice/cost/day:80", "/cost/day:80", "cost/day:80",
        ])
    func malformed(_ text: String) {
        #expect(LimitWarning(parsing: text) == nil)
    }
}
