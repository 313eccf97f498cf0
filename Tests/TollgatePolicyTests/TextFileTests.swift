import Foundation
import Testing
import TollgateTestSupport

@testable import TollgateCore
@testable import TollgatePolicy

@Suite("Files of text")
struct TextFileTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func fault(_ file: TextFile) -> String? {
        do throws(TextFile.Fault) {
            _ = try file.text()
            return nil
        } catch {
            return error.sentence
        }
    }

    @Test("what stands in one comes whole, up to 1 MiB")
    func whole() throws {
        let text = String(repeating: "ä", count: TextFile.maxSize / 2)
        let file = TextFile(path: try folder.write(text, to: "large"))
        #expect(try file.text() == text)
        try folder.write(text + "x", to: "large")
        #expect(fault(file) == "larger than 1 MiB")
    }

    @Test("why one cannot be read is said without its name")
    func faults() throws {
        #expect(fault(TextFile(path: folder.path + "/none")) == "is not there")
        #expect(fault(TextFile(path: folder.path)) == "is a folder")
        try Data([0x61, 0xff]).write(to: folder.emptyFile("bytes"))
        #expect(fault(TextFile(path: folder.path + "/bytes")) == "is not UTF-8 text")
    }

    @Test("names in a file begin at its folder")
    func neighbors() {
        let file = TextFile(path: "/etc/tollgate/alerts.yaml")
        #expect(file.neighbor("keys/hook").path == "/etc/tollgate/keys/hook")
        #expect(file.neighbor("/run/secrets/hook").path == "/run/secrets/hook")
    }

    @Test("a file is readable by others unless its mode says it is not", arguments: [(0o600, false), (0o640, true)])
    func others(mode: Int, isReadable: Bool) throws {
        let path = try folder.write("secret", to: "secret")
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        #expect(TextFile(path: path).isReadableByOthers == isReadable)
        #expect(!TextFile(path: path + "x").isReadableByOthers)
    }
}
