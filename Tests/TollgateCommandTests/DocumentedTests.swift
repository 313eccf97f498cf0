import Foundation
import Testing

/// README's page "What happens when" names a test for each of its lines.
@Suite struct DocumentedTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test("every test that proves a line of What happens when is there")
    func whatHappensWhen() throws {
        let readme = try String(contentsOf: Self.root.appending(path: "README.md"), encoding: .utf8)
        let page = try #require(
            readme.components(separatedBy: "## What happens when").last?.components(separatedBy: "\n## ").first)
        let lines = page.split(separator: "\n").filter { $0.hasPrefix("| ") }.dropFirst()
        #expect(lines.count >= 14)
        let sources = try Self.sources()
        for line in lines {
            let proofs = Self.names(in: line.split(separator: "|").last ?? "")
            #expect(!proofs.isEmpty, "\(line)")
            var suite = ""
            for proof in proofs {
                let parts = proof.split(separator: "/").map(String.init)
                if parts.count == 2 || parts[0].hasSuffix("Tests") { suite = parts[0] }
                let function = parts.last.flatMap { $0.hasSuffix("Tests") ? nil : $0 }
                let isThere = sources.contains { source in
                    let isOfSuite = source.contains("struct \(suite)") || source.contains("extension \(suite)")
                    return isOfSuite && (function.map { source.contains("func \($0)(") } ?? true)
                }
                #expect(isThere, "\(proof) of \(suite): \(line)")
            }
        }
    }

    /// What stands in backticks.
    private static func names(in text: Substring) -> [Substring] {
        text.split(separator: "`", omittingEmptySubsequences: false).enumerated().filter { $0.offset % 2 == 1 }.map(
            \.element)
    }

    private static func sources() throws -> [String] {
        let files = FileManager.default.enumerator(at: root.appending(path: "Tests"), includingPropertiesForKeys: nil)
        let urls = (files?.allObjects as? [URL] ?? []).filter { $0.pathExtension == "swift" }
        return try urls.map { try String(contentsOf: $0, encoding: .utf8) }
    }
}
