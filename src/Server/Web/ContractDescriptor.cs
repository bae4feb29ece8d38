using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Gradients.Server.Web;

/// <summary>The contract for machines: what `protoc --descriptor_set_out --include_imports` would make, without comments.</summary>
public static class ContractDescriptor
{
    /// <summary>A serialized <c>google.protobuf.FileDescriptorSet</c>; every file comes after those that it imports.</summary>
    public static byte[] Bytes { get; } = Serialize();

    private static byte[] Serialize()
    {
        FileDescriptor[] services = [V1.SessionServiceReflection.Descriptor, V1.TensorServiceReflection.Descriptor, V1.EvaluationServiceReflection.Descriptor, V1.GraphServiceReflection.Descriptor, V1.ServerServiceReflection.Descriptor, V1.ErrorsReflection.Descriptor];
        var files = new Dictionary<string, FileDescriptorProto>();
        var ordered = new FileDescriptorSet();
        foreach (var file in services)
            Add(file);
        return ordered.ToByteArray();

        // The depth is that of our own imports.
        void Add(FileDescriptor file)
        {
            if (files.ContainsKey(file.Name))
                return;
            foreach (var imported in file.Dependencies)
                Add(imported);
            ordered.File.Add(files[file.Name] = file.ToProto());
        }
    }
}
