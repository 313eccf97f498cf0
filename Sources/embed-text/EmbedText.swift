import Foundation

/// Writes a Swift file with the contents of text files: `embed-text OUTPUT FOLDER FILE…`. Each text is a raw string
/// literal under its path in the folder.
@main
struct EmbedText {
    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst().map { URL(fileURLWithPath: $0) }
        guard arguments.count >= 2 else { fatalError("usage: embed-text OUTPUT FOLDER FILE…") }
        let (output, folder) = (arguments[0], arguments[1])
        let entries = try arguments.dropFirst(2).map { file in
            let path = file.path.dropFirst(folder.path.count + 1)
            return "    \"\(path)\": \(literal(try String(contentsOf: file, encoding: .utf8))),\n"
        }
        let source = "let embeddedTexts: [String: String] = [\n\(entries.joined())]\n"
        try source.write(to: output, atomically: true, encoding: .utf8)
    }

    /// Returns a raw literal with more number signs than follow any quotation mark of the text.
    private static func literal(_ text: String) -> String {
        var signs = "#"
        while text.contains("\"" + signs) || text.contains("\\" + signs) { signs += "#" }
        return "\(signs)\"\"\"\n\(text)\n\"\"\"\(signs)"
    }
}
