// swift-tools-version: 6.2
import PackageDescription

/// Makes the preset dictionary of compact Matrix; see `train`. Nobody who uses Sotto builds this.
let package = Package(
    name: "dictionary",
    dependencies: [.package(name: "sotto", path: "../..")],
    targets: [
        .executableTarget(
            name: "structures", dependencies: [.product(name: "MatrixJSON", package: "sotto")],
            linkerSettings: [.linkedLibrary("m")])
    ]
)
