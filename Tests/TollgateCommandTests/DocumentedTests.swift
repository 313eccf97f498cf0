import Foundation
import Testing

/// Checks that the tests, pages and headings named in the documentation exist, and that README stays short.
@Suite struct DocumentedTests {
    /// A test or a suite that a page names.
    private struct Proof {
        var suite: String
        /// The test function. Nil for the whole suite.
        var function: String?
    }

    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test("every entry of failure-modes.md names existing tests")
    func whatHappensWhen() throws {
        let entries = Self.entries(of: try Self.text(of: "docs/failure-modes.md"))
        #expect(entries.count >= 30)
        let sources = try Self.sources()
        var count = 0
        for entry in entries {
            let proofs = Self.proofs(in: entry)
            #expect(!proofs.isEmpty, "\(entry)")
            count += proofs.count
            for proof in proofs {
                let isThere = sources.contains { source in
                    let isOfSuite =
                        source.contains("struct \(proof.suite)") || source.contains("extension \(proof.suite)")
                    return isOfSuite && (proof.function.map { source.contains("func \($0)(") } ?? true)
                }
                #expect(isThere, "\(proof.suite)/\(proof.function ?? ""): \(entry)")
            }
        }
        #expect(count >= 115)
    }

    @Test("README is a front page of at most 120 lines and 12 KB")
    func frontPage() throws {
        let readme = try Self.text(of: "README.md")
        #expect(readme.split(separator: "\n", omittingEmptySubsequences: false).count <= 121)
        #expect(readme.utf8.count <= 12_288)
    }

    @Test("every relative link leads to an existing file and heading")
    func links() throws {
        let docs = try FileManager.default.contentsOfDirectory(atPath: Self.root.appending(path: "docs").path)
        let pages = ["README.md", "CONTRIBUTING.md"] + docs.filter { $0.hasSuffix(".md") }.map { "docs/\($0)" }
        for page in pages {
            let folder = page.hasPrefix("docs/") ? "docs/" : ""
            for match in try Self.text(of: page).matches(of: #/\]\(([^()\s]+)\)/#) {
                let link = String(match.output.1)
                guard !link.contains("://") else { continue }
                let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
                let file = parts[0].isEmpty ? page : folder + String(parts[0])
                let isThere = FileManager.default.fileExists(atPath: Self.root.appending(path: file).path)
                #expect(isThere, "\(page): \(link)")
                if isThere, parts.count == 2 {
                    let anchors = try Self.anchors(of: file)
                    #expect(anchors.contains(String(parts[1])), "\(page): \(link)")
                }
            }
        }
    }

    // MARK: - Pages

    private static func text(of page: String) throws -> String {
        try String(contentsOf: root.appending(path: page), encoding: .utf8)
    }

    /// The anchors of a page's headings, as Markdown viewers generate them.
    private static func anchors(of page: String) throws -> Set<String> {
        var anchors: Set<String> = []
        for line in try text(of: page).split(separator: "\n") where line.hasPrefix("#") {
            let title = line.drop { $0 == "#" }.dropFirst().lowercased()
            let kept = title.filter { $0.isLetter || $0.isNumber || $0 == " " || $0 == "-" || $0 == "_" }
            anchors.insert(kept.replacing(" ", with: "-"))
        }
        return anchors
    }

    /// The sections of level three.
    private static func entries(of page: String) -> [String] {
        Array(page.components(separatedBy: "\n### ").dropFirst())
    }

    /// Parses `` `SuiteTests/one`, `another` `` and `` `SuiteTests` ``.
    private static func proofs(in entry: String) -> [Proof] {
        var proofs: [Proof] = []
        for match in entry.matches(of: #/`([A-Z]\w*Tests)(?:/(\w+))?`((?:,\s+`[a-z]\w*`)*)/#) {
            let suite = String(match.output.1)
            proofs.append(Proof(suite: suite, function: match.output.2.map { String($0) }))
            for other in match.output.3.matches(of: #/\w+/#) {
                proofs.append(Proof(suite: suite, function: String(other.output)))
            }
        }
        return proofs
    }

    private static func sources() throws -> [String] {
        let files = FileManager.default.enumerator(at: root.appending(path: "Tests"), includingPropertiesForKeys: nil)
        let urls = (files?.allObjects as? [URL] ?? []).filter { $0.pathExtension == "swift" }
        return try urls.map { try String(contentsOf: $0, encoding: .utf8) }
    }
}
