using Gradients.Server.Hosting;

var app = GradientsServer.Build(new GradientsServerOptions(), args);
await app.RunAsync();
