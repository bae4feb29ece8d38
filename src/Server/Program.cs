using Gradients.Server.Hosting;

var app = GradientsServer.Build(new GradientsServerOptions { Port = 50051 }, args);
await app.RunAsync();
