import Foundation
import Testing

/// Checks the rules of the source tree: imports point downwards, the client's surface alone is public, and files stay short.
@Suite struct SourceTreeTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The modules that each module may import.
    private static let below: [String: Set<String>] = [
        "TollgateCore": [],
        "TollgatePolicy": ["TollgateCore"],
        "TollgateWire": ["TollgateCore"],
        "TollgateRedis": ["TollgateCore"],
        "TollgateLedger": ["TollgateCore", "TollgatePolicy", "TollgateRedis"],
        "TollgateStores": ["TollgateCore", "TollgatePolicy", "TollgateRedis", "TollgateLedger"],
        "TollgateServer": [
            "TollgateCore", "TollgatePolicy", "TollgateRedis", "TollgateLedger", "TollgateStores", "TollgateWire",
        ],
        "TollgateDelivery": ["TollgateCore", "TollgatePolicy", "TollgateRedis", "TollgateLedger", "TollgateStores"],
        "TollgateProviders": ["TollgateCore"],
        "TollgateAccounts": ["TollgateCore", "TollgatePolicy", "TollgateProviders", "TollgateStores"],
        "TollgateAdmin": [
            "TollgateCore", "TollgatePolicy", "TollgateLedger", "TollgateStores", "TollgateServer", "TollgateWire",
        ],
        "TollgateDashboard": [
            "TollgateCore", "TollgatePolicy", "TollgateLedger", "TollgateStores", "TollgateServer", "TollgateAdmin",
        ],
        "TollgateClient": ["TollgateCore", "TollgateWire"],
        "TollgateBench": [
            "TollgateCore", "TollgatePolicy", "TollgateRedis", "TollgateLedger", "TollgateWire", "TollgateClient",
        ],
    ]

    private struct File {
        var path: String
        var lines: [Substring]
        /// The folder below `Sources`.
        var module: String { String(path.split(separator: "/")[1]) }
    }

    private static func files(in folders: [String], suffixes: [String]) throws -> [File] {
        try folders.flatMap { folder -> [File] in
            let all = FileManager.default.enumerator(atPath: root.appending(path: folder).path)
            return try (all?.compactMap { $0 as? String } ?? []).filter { path in
                suffixes.contains { path.hasSuffix($0) } && !path.contains(".build/")
            }.map { path in
                let text = try String(contentsOf: root.appending(path: "\(folder)/\(path)"), encoding: .utf8)
                return File(
                    path: "\(folder)/\(path)", lines: text.split(separator: "\n", omittingEmptySubsequences: false))
            }
        }
    }

    @Test("a module imports only modules below it, and Core and Wire do without Foundation")
    func imports() throws {
        let files = try Self.files(in: ["Sources"], suffixes: [".swift"])
        #expect(files.count > 200)
        for file in files {
            guard let allowed = Self.below[file.module] else {
                #expect(!file.module.hasPrefix("Tollgate"), "\(file.module) has no rule")
                continue
            }
            for line in file.lines {
                guard let name = line.firstMatch(of: /^(?:@_exported )?(?:package |public )?import (\w+)$/)?.1 else {
                    continue
                }
                if name.hasPrefix("Tollgate") {
                    #expect(allowed.contains(String(name)), "\(file.path) imports \(name)")
                } else if ["TollgateCore", "TollgateWire"].contains(file.module) {
                    #expect(name != "Foundation", "\(file.path) imports \(name)")
                }
                if name == "Yams" { #expect(file.path.hasSuffix("/YAMLDocument.swift"), "\(file.path) imports Yams") }
            }
        }
    }

    @Test("no file has more than 350 lines")
    func lengths() throws {
        let files = try Self.files(
            in: ["Sources", "Tests", "lua", "Examples", "Plugins", "benchmarks"], suffixes: [".swift", ".lua", ".py"])
        #expect(files.count > 500)
        for file in files { #expect(file.lines.count <= 351, "\(file.path): \(file.lines.count - 1) lines") }
    }

    @Test("only declarations of Core and of the client are public")
    func access() throws {
        for file in try Self.files(in: ["Sources"], suffixes: [".swift"])
        where !["TollgateCore", "TollgateClient"].contains(file.module) {
            let isPublic = file.lines.contains { $0.contains(/^\s*(@\w+ )*public (?!import )/) }
            #expect(!isPublic, "\(file.path)")
        }
    }
}
