import Foundation
import Testing
import TollgateTestSupport

@testable import TollgateCore
@testable import TollgatePolicy

@Suite("Text files")
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

    @Test("a file of up to 1 MiB is read")
    func whole() throws {
        let text = String(repeating: "ä", count: TextFile.maxSize / 2)
        let file = TextFile(path: try folder.write(text, to: "large"))
        #expect(try file.text() == text)
        try folder.write(text + "x", to: "large")
        #expect(fault(file) == "is larger than 1 MiB")
    }

    @Test("the error of an unreadable file does not contain its name")
    func faults() throws {
        #expect(fault(TextFile(path: folder.path + "/none")) == "does not exist")
        #expect(fault(TextFile(path: folder.path)) == "is a directory")
        try Data([0x61, 0xff]).write(to: folder.emptyFile("bytes"))
        #expect(fault(TextFile(path: folder.path + "/bytes")) == "is not UTF-8 text")
    }

    @Test("a pipe or a device is an error at once, also without a writer", .timeLimit(.minutes(1)))
    func pipes() throws {
        #expect(mkfifo(folder.path + "/pipe", 0o600) == 0)
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/link", withDestinationPath: folder.path + "/pipe")
        for name in ["pipe", "link"] {
            #expect(fault(TextFile(path: "\(folder.path)/\(name)")) == "is a pipe; expected a regular file")
        }
        for device in ["/dev/null", "/dev/zero"] {
            #expect(fault(TextFile(path: device)) == "is not a regular file")
        }
    }

    @Test("relative names in a file start at its folder")
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
