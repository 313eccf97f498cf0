import Foundation
import PackagePlugin

/// Embeds the Lua scripts, templates, styles and browser scripts of a target's folder in the target, as the constant
/// `embeddedTexts`.
@main
struct EmbedText: BuildToolPlugin {
    private static let suffixes: Set = ["css", "js", "lua", "mustache", "svg"]

    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        // A package may reach the folder over a link.
        let folder = target.directoryURL.resolvingSymlinksInPath()
        let files = Self.texts(in: folder)
        let output = context.pluginWorkDirectoryURL.appending(path: "EmbeddedTexts.swift")
        return [
            .buildCommand(
                displayName: "Embedding \(files.count) files in \(target.name)",
                executable: try context.tool(named: "embed-text").url,
                arguments: [output.path, folder.path] + files.map(\.path),
                inputFiles: files,
                outputFiles: [output])
        ]
    }

    private static func texts(in folder: URL) -> [URL] {
        let items = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        let files = (items?.allObjects ?? []).compactMap { $0 as? URL }.filter { suffixes.contains($0.pathExtension) }
        return files.sorted { $0.path < $1.path }
    }
}
