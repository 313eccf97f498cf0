import Foundation
import PackagePlugin

/// Embeds every Lua file of a target's folder in the target, as the constant `luaSources`.
@main
struct EmbedLua: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        // A package may reach the folder over a link.
        let folder = target.directoryURL.resolvingSymlinksInPath()
        let files = Self.luaFiles(in: folder)
        let output = context.pluginWorkDirectoryURL.appending(path: "LuaSources.swift")
        return [
            .buildCommand(
                displayName: "Embedding \(files.count) Lua files",
                executable: try context.tool(named: "embed-lua").url,
                arguments: [output.path, folder.path] + files.map(\.path),
                inputFiles: files,
                outputFiles: [output])
        ]
    }

    private static func luaFiles(in folder: URL) -> [URL] {
        let items = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        let files = (items?.allObjects ?? []).compactMap { $0 as? URL }.filter { $0.pathExtension == "lua" }
        return files.sorted { $0.path < $1.path }
    }
}
