import { serviceIdentity } from '@app/telemetry';
import type { INestApplication } from '@nestjs/common';

/** Serves the OpenAPI page at `/docs` and the document at `/docs/openapi.json`, both made from the controllers and their schemas. */
export async function serveApiDocs(app: INestApplication): Promise<void> {
  const { DocumentBuilder, SwaggerModule } = await import('@nestjs/swagger');
  const { name, version } = serviceIdentity();
  const document = new DocumentBuilder().setTitle(name).setVersion(version).build();
  SwaggerModule.setup('docs', app, () => SwaggerModule.createDocument(app, document), {
    jsonDocumentUrl: 'docs/openapi.json',
  });
}
