import Foundation
import TollgateCore
import TollgatePolicy
import TollgateServer

/// The file of `--config`: a YAML map of option names to values. `listen`, `admin-host` and
/// `allow` may be lists.
enum SettingsFile {
    /// Reads the file. Throws an error that names the file and the key.
    static func read(_ path: String) throws -> [String: String] {
        let text = try TextFile(path: path).text(namedBy: "--config")
        // An empty file is an error: it was emptied by mistake or is being written, and its settings would silently be
        // lost.
        guard let members = try YAMLDocument(yaml: text, file: path).root()?.members else {
            throw OperatorError("\(path):1: expected a map of settings")
        }
        var settings: [String: String] = [:]
        for member in members {
            let (key, value) = (member.key, member.value)
            let line = key.line.map { ":\($0)" } ?? ""
            guard let name = key.text, ServeOptions.names.contains(name) else {
                throw OperatorError(
                    "\(path)\(line): unknown setting \(key.text ?? "?"); expected one of \(ServeOptions.names.joined(separator: ", "))"
                )
            }
            let items = value.items ?? [value]
            let texts = items.compactMap(\.text)
            let mayBeList = ServeOptions.listNames.contains(name)
            guard texts.count == items.count, !texts.isEmpty, value.items == nil || mayBeList else {
                throw OperatorError("\(path)\(line): \(name): expected a single value")
            }
            settings[name] = texts.joined(separator: ",")
        }
        return settings
    }
}

extension TextFile {
    /// Reads the file. Throws an error that names the option and the file.
    func text(namedBy option: String) throws(OperatorError) -> String {
        do throws(Fault) {
            return try text()
        } catch {
            throw OperatorError("\(option) \(path): \(error.sentence)")
        }
    }
}

/// A file that contains a token and nothing else.
enum TokenFile {
    /// Reads the token without surrounding white space. Throws an error that names the option, or whatever else named
    /// the file.
    static func read(_ path: String, namedBy option: String = "--token-file") throws -> String {
        let text = try TextFile(path: path).text(namedBy: option)
        let token = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !token.isEmpty else { throw OperatorError("\(option) \(path): is empty") }
        return token
    }
}

/// The token that clients send to the sidecar.
enum ClientToken {
    /// Returns the token. Throws an error that names its source if it is too short or too long, or cannot be sent.
    static func checked(_ token: String, _ source: String) throws(OperatorError) -> String {
        if let fault = ServerSettings.fault(ofToken: token) { throw OperatorError("\(source): \(fault)") }
        return token
    }
}
